//! Tests of `question`.

use super::*;

fn value(text: &str) -> f64 {
    match Question::read(text) {
        Some(Question::Calculate { expression }) => Expr::parse(&expression)
            .unwrap()
            .compile(&[])
            .unwrap()
            .evaluate_point(&[]),
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn arithmetic_is_read() {
    for (text, want) in [
        ("What is 2+2?", 4.0),
        ("2+2", 4.0),
        ("what's 2 + 2 =", 4.0),
        ("Please calculate 2^10/3.", 1024.0 / 3.0),
        (
            "sqrt(2)*pi",
            std::f64::consts::SQRT_2 * std::f64::consts::PI,
        ),
        ("15% of 80", 12.0),
        ("What is 15 percent of 80?", 12.0),
        ("12 times 7", 84.0),
        ("What is 7 divided by 2, please", 3.5),
        ("what is the square root of 16", 4.0),
        ("3 x 4", 12.0),
        ("3×4−1", 11.0),
        ("what is 5 squared", 25.0),
        ("2 to the power of 8", 256.0),
        ("How much is 1,234 + 1?", 1235.0),
        ("pow(2,3)", 8.0),
        ("-3^2", -9.0),
        ("Hello, what is 2+2?", 4.0),
    ] {
        assert!(
            (value(text) - want).abs() <= 1e-12 * want.abs(),
            "{text}: {}",
            value(text)
        );
    }
}

#[test]
fn units_and_constants_are_read() {
    let convert = |value: f64, from: &str, to: &str| {
        Some(Question::Convert {
            value,
            from: from.into(),
            to: to.into(),
        })
    };
    for (text, want) in [
        ("convert 100 km/h to m/s", convert(100.0, "km/h", "m/s")),
        (
            "How many meters in 2 miles?",
            convert(2.0, "miles", "meters"),
        ),
        (
            "how many feet are there in a mile",
            convert(1.0, "mile", "feet"),
        ),
        (
            "What is 20 degrees Celsius in Fahrenheit?",
            convert(20.0, "degC", "Fahrenheit"),
        ),
        (
            "60 miles per hour to km/h",
            convert(60.0, "miles/hour", "km/h"),
        ),
        ("5 eV in J", convert(5.0, "eV", "J")),
        ("1,500 m to km", convert(1500.0, "m", "km")),
        ("2 square meters in cm^2", convert(2.0, "meters^2", "cm^2")),
    ] {
        assert_eq!(Question::read(text), want, "{text}");
    }
    for (text, name, unit) in [
        (
            "What is the speed of light?",
            "speed of light in vacuum",
            None,
        ),
        ("value of the planck constant", "Planck constant", None),
        (
            "What is the value of the Boltzmann constant in eV/K?",
            "Boltzmann constant",
            Some("eV/K"),
        ),
        (
            "What is the speed of light in km/s",
            "speed of light in vacuum",
            Some("km/s"),
        ),
    ] {
        let want = Question::Constant {
            name: name.into(),
            unit: unit.map(str::to_owned),
        };
        assert_eq!(Question::read(text), Some(want), "{text}");
    }
}

#[test]
fn other_questions_are_left_alone() {
    for text in [
        "",
        "?",
        "hello",
        "What is love?",
        "Who won the 2020-2021 season?",
        "What is x + 1?",
        "Tell me a joke",
        "I have 3 apples and 4 pears",
        "What is the time in Paris?",
        "how many people live in 2 cities",
        "Do you remember me?",
        "convert 3 kg to nothing",
    ] {
        assert_eq!(Question::read(text), None, "{text}");
    }
}

#[test]
fn memory_is_read() {
    assert_eq!(
        Question::read("Please remember that my dog is Rex."),
        Some(Question::Remember {
            fact: "my dog is Rex.".into()
        })
    );
    assert_eq!(
        Question::read("What do you remember about my dog?"),
        Some(Question::Recall {
            query: "my dog".into()
        })
    );
}

proptest::proptest! {
    #[test]
    fn any_text_is_read_or_left(text in "\\PC{0,80}") {
        let _ = Question::read(&text);
    }

    #[test]
    fn questionlike_text_is_read_or_left(text in "(what is|convert|how many|3 x|sqrt|%| |in|to|[0-9,.e+()×-]|m/s|é){0,12}") {
        let _ = Question::read(&text);
    }
}
