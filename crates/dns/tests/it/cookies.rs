//! DNS cookies over the wire (RFC 7873, RFC 9018).

use crate::client::{A, FORMERR, NOERROR, exchange, question, with_option};
use crate::school::{PUPIL, SIXTH, School};

const COOKIE: u16 = 10;
const CLIENT: &[u8; 8] = b"harbour!";

#[test]
fn a_client_with_a_cookie_gets_one_of_ours_and_brings_it_back() {
    let school = School::start();
    let ask = |device, value: &[u8]| {
        let message = with_option(question(1, "example.org", A), COOKIE, value);
        exchange(device, school.dns(), &message)
    };
    let first = ask(PUPIL, CLIENT);
    let cookie = first.cookie.unwrap();
    assert_eq!((first.rcode, cookie.len()), (NOERROR, 24));
    assert_eq!(&cookie[..8], CLIENT);
    let again = ask(PUPIL, &cookie).cookie.unwrap();
    assert_eq!(&again[..8], CLIENT);
    let elsewhere = ask(SIXTH, CLIENT).cookie.unwrap();
    assert_ne!(elsewhere[16..], cookie[16..], "it is for one address only");
    let none = exchange(PUPIL, school.dns(), &question(1, "example.org", A));
    assert_eq!(none.cookie, None, "only for who speaks of cookies");
}

/// RFC 7873 section 5.2.2: impossible lengths are malformed; another server's cookie is none.
#[test]
fn cookies_of_impossible_length_are_malformed() {
    let school = School::start();
    let ask = |value: &[u8]| {
        let message = with_option(question(1, "example.org", A), COOKIE, value);
        exchange(PUPIL, school.dns(), &message).rcode
    };
    for length in [0, 1, 7, 9, 15, 41, 60] {
        assert_eq!(ask(&vec![7; length]), FORMERR, "{length}");
    }
    for length in [8, 16, 24, 40] {
        assert_eq!(ask(&vec![7; length]), NOERROR, "{length}");
    }
}
