use super::*;

#[test]
fn known_instants_are_read_and_printed() {
    let known = [
        ("1970-01-01T00:00:00Z", 0),
        ("2000-02-29T12:00:00Z", 951_825_600),
        ("2027-01-31T00:00:00Z", 1_801_353_600),
        ("1969-12-31T23:59:59Z", -1),
        ("2100-03-01T00:00:00Z", 4_107_542_400),
    ];
    for (text, seconds) in known {
        assert_eq!(text.parse(), Ok(Timestamp(seconds)), "{text}");
        assert_eq!(Timestamp(seconds).to_string(), text);
    }
}

#[test]
fn every_day_of_four_centuries_comes_back_as_it_was_printed() {
    let start = Timestamp(-30_610_224_000);
    for day in 0..146_097 {
        let instant = Timestamp(start.0 + day * DAY_SECONDS + day % DAY_SECONDS);
        assert_eq!(instant.to_string().parse(), Ok(instant));
    }
}

#[test]
fn an_offset_is_taken_off() {
    assert_eq!("1970-01-01T02:00:00+02:00".parse(), Ok(Timestamp(0)));
    assert_eq!("1969-12-31T23:30:00-00:30".parse(), Ok(Timestamp(0)));
}

#[test]
fn what_is_no_instant_is_refused() {
    for bad in [
        "2027-01-31",
        "2027-02-29T00:00:00Z",
        "2027-13-01T00:00:00Z",
        "2027-01-00T00:00:00Z",
        "2027-01-31T24:00:00Z",
        "2027-01-31T00:00:00",
        "2027-01-31T00:00:00z",
        "2027-01-31 00:00:00Z",
        "+027-01-31T00:00:00Z",
        "2027-01-31T00:00:00+0200",
        "2027-01-31T00:00:0\u{661}Z",
        "",
    ] {
        assert_eq!(bad.parse::<Timestamp>(), Err(TimestampError), "{bad}");
    }
}

#[test]
fn a_fraction_of_a_second_is_left_out_where_one_may_stand() {
    let second = "2026-11-20T06:30:00Z".parse::<Timestamp>().ok();
    for text in ["2026-11-20T06:30:00Z", "2026-11-20T06:30:00.5Z", "2026-11-20T08:30:00.999+02:00"]
    {
        assert_eq!(Timestamp::of_rfc3339(text), second, "{text}");
    }
    for text in ["2026-11-20T06:30:00.Z", "2026-11-20T06:30.5:00Z", "2026-11-20T06:30:00.5.5Z", "."]
    {
        assert_eq!(Timestamp::of_rfc3339(text), None, "{text}");
    }
    assert!("2026-11-20T06:30:00.5Z".parse::<Timestamp>().is_err());
}
