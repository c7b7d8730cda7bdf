//! What tests of numbers share: each is looked for alone, at the end of a sentence, and as part of something longer.

use crate::detect::{Kind, testing::spans};

pub(super) fn found(kind: Kind, numbers: &[&str]) {
    for number in numbers {
        assert_eq!(spans(&[kind], number), [*number], "alone");
        assert_eq!(spans(&[kind], &format!("it is {number}.")), [*number], "in a sentence");
        assert_eq!(spans(&[kind], &format!("\"{number}\",x")), [*number], "in quotes");
        for longer in [
            format!("x{number}"),
            format!("{number}0"),
            format!("0.{number}"),
            format!("{number}-1"),
            format!("_{number}"),
        ] {
            assert_eq!(spans(&[kind], &longer), Vec::<&str>::new(), "{longer}");
        }
    }
}

pub(super) fn not_found(kind: Kind, texts: &[&str]) {
    for text in texts {
        assert_eq!(spans(&[kind], text), Vec::<&str>::new(), "{text}");
    }
}
