//! Tests of `claims`.

use super::*;

fn holds(text: &str) -> Vec<bool> {
    check(text).into_iter().map(|c| c.holds).collect()
}

#[test]
fn true_claims_hold() {
    for text in [
        "2+2 = 4",
        "So 2 + 2 equals 4.",
        "The result of 2+2 is 4.",
        "2+2=4, as you know",
        "10/3 ≈ 3.33",
        "10/3 is about 3",
        "12 times 7 = 84",
        "15% of 80 = 12",
        "sqrt(2)*pi = 4.4429",
        "100 km/h = 27.78 m/s",
        "2 miles is 3218.688 meters",
        "The speed of light = 299792458 m/s",
        "The speed of light in vacuum is about 3*10^8 m/s.",
        "the Planck constant is 6.62607015e-34 J s",
        "1/25 = 4%",
        "1200+34 = 1,234",
        "$3 \\times 4 = 12$",
        "x = 3*4 = 12",
        "The gravitational constant is 6.674e-11 m^3 kg^-1 s^-2",
        "2^10/3 = 341.333333333333",
        "3 × 10^2 = 300",
        "Wait: (1+2)*3 = 9",
        "-3 + 5 = 2",
        "The answer is 4*5 = 20 in total",
    ] {
        assert_eq!(holds(text), [true], "{text}: {:?}", check(text));
    }
}

#[test]
fn wrong_claims_do_not_hold() {
    for text in [
        "2+2 = 5",
        "The result of 2+2 is 5.",
        "10/3 = 3.4",
        "10/3 = 3.34",
        "12 times 7 = 85",
        "100 km/h = 28 m/s",
        "1 kg = 3 m",
        "The speed of light is 300000 m/s",
        "the Planck constant is 6.63e-33 J s",
        "2/3 ≈ 0.6",
        "15% of 80 = 13",
        "1/3 = 0",
        "1e3*2 = 2001",
    ] {
        assert_eq!(holds(text), [false], "{text}: {:?}", check(text));
    }
}

#[test]
fn what_is_no_claim_is_left_alone() {
    for text in [
        "",
        "=",
        "x = 4",
        "x + 2 = 4",
        "2x + 3 = 7",
        "a(2+3) = 10",
        "y = 3*4*x",
        "if 2+2 = 5 then",
        "2+2 = 5 is wrong",
        "It is not true that 2+2 = 5",
        "f(2+2) = 9",
        "a == b",
        "2+2 >= 3",
        "x - 2*3 = 4",
        "3 * x + 2*2 = 10",
        "sin 2+2 = 3",
        "2 + 2 = x",
        "half of 2+2 = 2",
        "2+2 = 4x",
        "He is 45 years old",
        "c = 343 m/s",
        "There is 1 of 2+2",
        "page 3 = 4",
        "speed = 3 m/s",
        "= = = =",
        "1/0 = 3",
    ] {
        assert_eq!(holds(text), [] as [bool; 0], "{text}: {:?}", check(text));
    }
}

#[test]
fn long_texts_take_bounded_work() {
    assert!(check(&"2+2=4 ".repeat(5000)).len() <= MAX_CLAIMS);
    assert!(check(&"((((".repeat(50_000)).is_empty());
    check(&format!("{} = {}", "1+".repeat(50_000), "9".repeat(50_000)));
}

proptest::proptest! {
    #[test]
    fn any_text_is_read_or_left(text in "\\PC{0,200}") {
        for claim in check(&text) {
            proptest::prop_assert!(claim.stated.is_finite());
        }
    }

    #[test]
    fn sums_are_judged_rightly(a in -1000i32..1000, b in -1000i32..1000, off in -3i32..4) {
        let text = format!("We get {a} + {} = {} then.", if b < 0 { format!("({b})") } else { b.to_string() }, a + b + off);
        let claims = check(&text);
        proptest::prop_assert_eq!(claims.len(), 1, "{}: {:?}", text, claims);
        proptest::prop_assert_eq!(claims[0].holds, off == 0, "{}", text);
    }
}
