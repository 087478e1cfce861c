use super::*;

fn of(status: u16, header: Option<&str>, body: &str) -> (String, Class) {
    let refusal = refusal(status, header, body.as_bytes());
    (refusal.code, refusal.class)
}

#[test]
fn codes_are_found_in_every_protocol() {
    let ec2 = "<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>no</Message>\
        </Error></Errors></Response>";
    assert_eq!(of(403, None, ec2), ("UnauthorizedOperation".to_owned(), Class::Denied));
    let query = "<ErrorResponse><Error><Code>Throttling</Code></Error></ErrorResponse>";
    assert_eq!(of(400, None, query), ("Throttling".to_owned(), Class::Throttled));
    let json = r#"{"__type":"com.amazon.kms#AccessDeniedException","message":"no"}"#;
    assert_eq!(of(400, None, json), ("AccessDeniedException".to_owned(), Class::Denied));
    let header = Some("ExpiredTokenException:http://internal/");
    assert_eq!(of(403, header, "{}"), ("ExpiredTokenException".to_owned(), Class::Expired));
}

#[test]
fn the_status_tells_where_no_code_does() {
    assert_eq!(of(503, None, "<html>"), ("HTTP503".to_owned(), Class::Transient));
    assert_eq!(of(429, None, ""), ("HTTP429".to_owned(), Class::Throttled));
    assert_eq!(of(403, None, ""), ("HTTP403".to_owned(), Class::Denied));
    assert_eq!(of(404, None, "{}"), ("HTTP404".to_owned(), Class::Refused));
}

#[test]
fn what_is_no_code_is_not_repeated() {
    let long = format!("{{\"__type\":\"{}\"}}", "x".repeat(CODE_LENGTH_MAX + 1));
    assert_eq!(of(400, None, &long).0, "HTTP400");
    let odd = r#"{"__type":"password is hunter2"}"#;
    assert_eq!(of(400, None, odd).0, "HTTP400");
}
