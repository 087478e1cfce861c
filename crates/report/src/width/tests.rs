use super::{fit, of};

#[test]
fn a_text_that_fits_stays() {
    assert_eq!(fit("orders-db", 12, 200), "orders-db");
}

#[test]
fn a_text_that_does_not_fit_is_shortened_to_the_room() {
    for room in [20, 40, 80, 120] {
        let fitted = fit("a very long name of a workload that nobody can read", 12, room);
        assert!(fitted.ends_with('\u{2026}'), "{fitted}");
        assert!(of(&fitted, 12) <= room, "{fitted} in {room}");
    }
}

#[test]
fn a_sentence_in_one_letter_is_wide() {
    assert!(of("\u{fdfd}", 10) >= 140);
}
