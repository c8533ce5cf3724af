//! Points lie where they should, spread evenly, with the right normals.

use super::super::super::points::Sequence;
use super::super::spec::Shape;
use super::super::{Functions, Place, Problem, ProblemSpec};
use super::Surface;
use std::f64::consts::{PI, TAU};

const L: [[f64; 2]; 6] = [
    [-1.0, -1.0],
    [1.0, -1.0],
    [1.0, 0.0],
    [0.0, 0.0],
    [0.0, 1.0],
    [-1.0, 1.0],
];

fn plane(shape: Option<Shape>, holes: Vec<Shape>) -> Problem {
    let mut spec = ProblemSpec::new(["-u_xx - u_yy = 1"]).conditions(["u = 0 on boundary"]);
    if matches!(shape, None | Some(Shape::Below(_))) {
        spec = spec.interval("x", -1.0, 1.0).interval("y", -1.0, 1.0);
    }
    spec.domain.shape = shape;
    spec.domain.holes = holes;
    spec.read().unwrap()
}

fn boundary(problem: &Problem, place: &Place, n: usize) -> Surface {
    let mut sequence = Sequence::new(problem.coordinates.len(), 3);
    let surface = problem.domain.on(place, n, &mut sequence).unwrap();
    assert_eq!((surface.points.len(), surface.normals.len()), (n, n));
    surface
}

fn rows(surface: &Surface) -> Vec<([f64; 2], [f64; 2])> {
    let (p, n) = (&surface.points, &surface.normals);
    (0..p.len())
        .map(|i| {
            let at = |c: &crate::pinn::points::Points, k: usize| c.column(k)[i];
            ([at(p, 0), at(p, 1)], [at(n, 0), at(n, 1)])
        })
        .collect()
}

/// Gauss: the integral of `(x, y)/2 . n` over the boundary is the area.
fn area_by_boundary(problem: &Problem, n: usize) -> f64 {
    let total: f64 = (0..problem.domain.parts.len())
        .map(|k| problem.domain.measure(k))
        .sum();
    let sum: f64 = rows(&boundary(problem, &Place::Boundary, n))
        .iter()
        .map(|(p, n)| 0.5 * (p[0] * n[0] + p[1] * n[1]))
        .sum();
    sum * total / n as f64
}

#[test]
fn areas_follow_from_boundary_points_and_normals() {
    let disk = |x: f64, y: f64, radius: f64| Shape::Disk {
        center: [x, y],
        radius,
    };
    let ellipse = || Shape::Below("x^2 + 4*y^2 - 0.49".into());
    let cases = [
        (None, vec![], 4.0, 8.0),
        (Some(Shape::Polygon(L.to_vec())), vec![], 3.0, 8.0),
        (Some(disk(0.5, -1.0, 2.0)), vec![], 4.0 * PI, 4.0 * PI),
        (
            None,
            vec![
                disk(0.2, 0.1, 0.5),
                Shape::Rectangle([-0.9, -0.9], [-0.5, -0.6]),
            ],
            4.0 - 0.25 * PI - 0.12,
            8.0 + PI + 1.4,
        ),
        // A hole over the edge is a notch: two semicircles.
        (
            None,
            vec![disk(1.0, 0.0, 0.5)],
            4.0 - PI / 8.0,
            7.0 + 0.5 * PI,
        ),
        (Some(ellipse()), vec![], 0.245 * PI, f64::NAN),
        (
            Some(disk(0.0, 0.0, 1.0)),
            vec![ellipse()],
            PI - 0.245 * PI,
            f64::NAN,
        ),
        // Cut off by the box: a strip.
        (Some(Shape::Below("abs(y) - 0.5".into())), vec![], 2.0, 6.0),
    ];
    for (shape, holes, area, length) in cases {
        let problem = plane(shape.clone(), holes.clone());
        let found = area_by_boundary(&problem, 20_000);
        assert!(
            (found - area).abs() < 2e-4 * area,
            "{shape:?} {holes:?}: {found}, {area}"
        );
        let measured: f64 = (0..problem.domain.parts.len())
            .map(|k| problem.domain.measure(k))
            .sum();
        assert!(
            length.is_nan() || (measured - length).abs() < 1e-6 * length,
            "{shape:?} {holes:?}: {measured}, {length}"
        );
        // Share of interior points: area again, by the box.
        let box_area: f64 = problem.domain.ranges.iter().map(|[a, b]| b - a).product();
        let mut sequence = Sequence::new(2, 5);
        let mut inside = 0;
        for _ in 0..20_000 {
            let unit = sequence.next();
            let p: Vec<f64> = problem
                .domain
                .ranges
                .iter()
                .zip(&unit)
                .map(|([a, b], u)| a + u * (b - a))
                .collect();
            inside += usize::from(problem.domain.contains(&p).unwrap());
        }
        let share = inside as f64 / 20_000.0 * box_area;
        assert!(
            (share - area).abs() < 3e-3 * box_area,
            "{shape:?}: {share}, {area}"
        );
        let points = problem.domain.interior(321, &mut sequence).unwrap();
        assert_eq!(points.len(), 321);
        for i in 0..321 {
            let p = [points.column(0)[i], points.column(1)[i]];
            assert!(problem.domain.contains(&p).unwrap());
        }
    }
}

#[test]
fn boundary_points_are_on_the_curve_and_evenly_apart() {
    let below = plane(Some(Shape::Below("x^2 + 4*y^2 - 0.64".into())), vec![]);
    for (p, n) in rows(&boundary(&below, &Place::Part(0), 50)) {
        assert!((p[0] * p[0] + 4.0 * p[1] * p[1] - 0.64).abs() < 1e-13);
        let size = p[0].hypot(4.0 * p[1]);
        let expected = [p[0] / size, 4.0 * p[1] / size];
        assert!((n[0] - expected[0]).abs() < 1e-12 && (n[1] - expected[1]).abs() < 1e-12);
    }
    let disk = plane(
        Some(Shape::Disk {
            center: [0.0, 0.0],
            radius: 1.0,
        }),
        vec![],
    );
    let closure = ProblemSpec::new(["-u_xx - u_yy = 1"])
        .interval("x", -1.5, 1.2)
        .interval("y", -1.1, 1.3)
        .conditions(["u = 0 on boundary"])
        .read_with(&Functions::new().inside(|p| p[0].hypot(p[1]) - 1.0))
        .unwrap();
    for problem in [disk, closure] {
        let n = 50;
        let mut angles: Vec<f64> = rows(&boundary(&problem, &Place::Boundary, n))
            .iter()
            .map(|(p, normal)| {
                assert!((p[0].hypot(p[1]) - 1.0).abs() < 1e-12);
                assert!((p[0] - normal[0]).hypot(p[1] - normal[1]) < 1e-7);
                p[1].atan2(p[0])
            })
            .collect();
        angles.sort_by(f64::total_cmp);
        let first = angles[0];
        angles.push(first + TAU);
        for pair in angles.windows(2) {
            let gap = (pair[1] - pair[0]) * n as f64 / TAU;
            assert!((gap - 1.0).abs() < 0.02, "{gap}");
        }
    }
}

#[test]
fn edges_and_holes_are_numbered() {
    let problem = plane(
        Some(Shape::Polygon(L.to_vec())),
        vec![Shape::Disk {
            center: [-0.5, -0.5],
            radius: 0.25,
        }],
    );
    assert_eq!((problem.domain.edges(), problem.domain.parts.len()), (6, 7));
    for (p, n) in rows(&boundary(&problem, &Place::Part(3), 21)) {
        assert!(p[0] == 0.0 && (0.0..=1.0).contains(&p[1]) && n == [1.0, 0.0]);
    }
    for (p, n) in rows(&boundary(&problem, &Place::Part(6), 21)) {
        let r = [p[0] + 0.5, p[1] + 0.5];
        assert!((r[0].hypot(r[1]) - 0.25).abs() < 1e-14);
        assert!((n[0] + 4.0 * r[0]).hypot(n[1] + 4.0 * r[1]) < 1e-13);
    }
    let corners = problem.domain.corners();
    assert_eq!(corners.iter().filter(|c| c.is_reentrant()).count(), 1);
    // A square hole has four re-entrant corners.
    let square = plane(None, vec![Shape::Rectangle([-0.1, -0.1], [0.1, 0.1])]);
    let corners = square.domain.corners();
    let found: Vec<_> = corners.iter().filter(|c| c.is_reentrant()).collect();
    assert_eq!((corners.len(), found.len()), (8, 4));
    for c in found {
        assert!((c.angle - 1.5 * PI).abs() < 1e-12);
        let inside = c.start + 0.01;
        let p = [c.at[0] + 0.05 * inside.cos(), c.at[1] + 0.05 * inside.sin()];
        assert!(square.domain.contains(&p).unwrap());
        let outside = c.start - 0.01;
        let p = [
            c.at[0] + 0.05 * outside.cos(),
            c.at[1] + 0.05 * outside.sin(),
        ];
        assert!(!square.domain.contains(&p).unwrap());
    }
}

#[test]
fn balls_and_cuboids_in_space() {
    let solid = |shape: Option<Shape>, holes: Vec<Shape>| {
        let mut spec =
            ProblemSpec::new(["u_xx + u_yy + u_zz = 0"]).conditions(["u = x on boundary"]);
        if shape.is_none() || matches!(shape, Some(Shape::Below(_))) {
            for axis in ["x", "y", "z"] {
                spec = spec.interval(axis, -1.0, 1.0);
            }
        }
        spec.domain.shape = shape;
        spec.domain.holes = holes;
        spec.read().unwrap()
    };
    let ball = |radius: f64| Shape::Ball {
        center: [0.0; 3],
        radius,
    };
    let cases = [
        (None, vec![], 8.0, 24.0),
        (Some(ball(1.0)), vec![], 4.0 / 3.0 * PI, 4.0 * PI),
        (
            Some(Shape::Cuboid([-1.0; 3], [1.0; 3])),
            vec![ball(0.5)],
            8.0 - PI / 6.0,
            24.0 + PI,
        ),
        (
            Some(Shape::Below("x^2 + y^2 + z^2 - 0.81".into())),
            vec![],
            0.972 * PI,
            3.24 * PI,
        ),
        (
            Some(Shape::Below("x^2 + y^2 - 0.25".into())),
            vec![],
            0.5 * PI,
            2.5 * PI,
        ),
    ];
    for (shape, holes, volume, area) in cases {
        let problem = solid(shape.clone(), holes);
        let measured: f64 = (0..problem.domain.parts.len())
            .map(|k| problem.domain.measure(k))
            .sum();
        assert!(
            (measured - area).abs() < 5e-3 * area,
            "{shape:?}: {measured}, {area}"
        );
        let n = 4001;
        let surface = boundary(&problem, &Place::Boundary, n);
        let sum: f64 = (0..n)
            .map(|i| {
                let dot: f64 = (0..3)
                    .map(|k| surface.points.column(k)[i] * surface.normals.column(k)[i])
                    .sum();
                dot / 3.0
            })
            .sum();
        let found = sum * measured / n as f64;
        assert!(
            (found - volume).abs() < 1e-2 * volume,
            "{shape:?}: {found}, {volume}"
        );
    }
}

#[test]
fn boundaries_in_time_and_with_ranged_parameters() {
    let mut spec = ProblemSpec::new(["u_t = a*u_xx"])
        .interval("x", 0.0, 2.0)
        .interval("t", 0.0, 3.0)
        .conditions(["u = 0 on boundary", "u(x,0) = sin(pi*x/2)"]);
    spec.parameters
        .insert("a".into(), super::super::ParameterSpec::Range([0.5, 1.5]));
    let problem = spec.read().unwrap();
    let surface = boundary(&problem, &Place::Boundary, 1001);
    let (mut left, mut sums) = (0, [0.0; 2]);
    for i in 0..1001 {
        let x = surface.points.column(0)[i];
        assert!(x == 0.0 || x == 2.0);
        assert_eq!(surface.normals.column(0)[i], x - 1.0);
        assert_eq!(surface.normals.column(1)[i], 0.0);
        left += usize::from(x == 0.0);
        sums[0] += surface.points.column(1)[i] / 1001.0;
        sums[1] += surface.points.column(2)[i] / 1001.0;
    }
    assert!((490..=511).contains(&left), "{left}");
    assert!(
        (sums[0] - 1.5).abs() < 0.015 && (sums[1] - 1.0).abs() < 0.005,
        "{sums:?}"
    );
    // One free axis: even steps.
    let line = boundary(
        &plane(None, vec![]),
        &Place::Face {
            axis: 0,
            value: 1.0,
        },
        40,
    );
    let mut y: Vec<f64> = line.points.column(1).to_vec();
    y.sort_by(f64::total_cmp);
    assert!(
        y.windows(2).all(|w| (w[1] - w[0] - 0.05).abs() < 1e-12),
        "{y:?}"
    );
    assert!(line.points.column(0).iter().all(|x| *x == 1.0));
    assert!(line.normals.column(0).iter().all(|x| *x == 1.0));
}

#[test]
fn what_cannot_be_a_domain_is_refused() {
    let read = |shape: Shape, holes: Vec<Shape>| {
        let mut spec = ProblemSpec::new(["-u_xx - u_yy = 1"]).conditions(["u = 0 on boundary"]);
        if matches!(shape, Shape::Below(_)) {
            spec = spec.interval("x", -1.0, 1.0).interval("y", -1.0, 1.0);
        }
        spec.domain.holes = holes;
        spec.shape(shape)
            .read()
            .map(|_| ())
            .unwrap_err()
            .to_string()
    };
    let disk = |radius| Shape::Disk {
        center: [0.0, 0.0],
        radius,
    };
    for radius in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(read(disk(radius), vec![]).contains("domain.shape"));
    }
    assert!(read(disk(1.0), vec![disk(2.0)]).contains("no point inside"));
    assert!(read(Shape::Below("x^2 + 1".into()), vec![]).contains("no point inside"));
    assert!(read(Shape::Below("log(x)".into()), vec![]).contains("NaN"));
    assert!(read(Shape::Rectangle([0.0, 0.0], [1.0, -1.0]), vec![]).contains("domain.shape"));
    let nan = ProblemSpec::new(["-u_xx - u_yy = 1"])
        .interval("x", -1.0, 1.0)
        .interval("y", -1.0, 1.0)
        .conditions(["u = 0 on boundary"])
        .read_with(&Functions::new().inside(|_| f64::NAN));
    assert!(nan.unwrap_err().to_string().contains("`inside`"));
}
