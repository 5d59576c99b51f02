//! DNS cookies (RFC 7873) of the interoperable kind (RFC 9018): proof that a client really has the
//! address it asks from, kept nowhere.

use std::net::IpAddr;

use crate::wire::Cookie;

const VERSION: u8 = 1;
/// Seconds a cookie counts after it was made, and how far ahead another clock may be (RFC 9018
/// section 4.3).
const AGE_MAX_S: i32 = 3_600;
const AHEAD_MAX_S: i32 = 300;

/// Makes and checks server cookies. The secret lives as long as the process.
pub(crate) struct Jar {
    secret: [u64; 2],
}

impl Jar {
    /// A jar with a secret of its own.
    pub(crate) fn new() -> Result<Self, getrandom::Error> {
        Ok(Self {
            secret: [getrandom::u64()?, getrandom::u64()?],
        })
    }

    /// The server cookie for a client's cookie from this address.
    pub(crate) fn make(&self, client: [u8; 8], ip: IpAddr, now_s: u32) -> [u8; 16] {
        let mut cookie = [0; 16];
        cookie[0] = VERSION;
        cookie[4..8].copy_from_slice(&now_s.to_be_bytes());
        let hash = self.hash(client, &cookie[..8], ip);
        cookie[8..].copy_from_slice(&hash.to_le_bytes());
        cookie
    }

    /// Whether the client proved that answers reach it.
    pub(crate) fn proves(&self, cookie: &Cookie, ip: IpAddr, now_s: u32) -> bool {
        let Some(server) = &cookie.server else {
            return false;
        };
        let made = u32::from_be_bytes([server[4], server[5], server[6], server[7]]);
        // Serial number arithmetic: the clock may pass the end of 32 bits.
        let age = now_s.wrapping_sub(made).cast_signed();
        server[0] == VERSION
            && (-AHEAD_MAX_S..=AGE_MAX_S).contains(&age)
            && self.hash(cookie.client, &server[..8], ip).to_le_bytes() == server[8..]
    }

    fn hash(&self, client: [u8; 8], head: &[u8], ip: IpAddr) -> u64 {
        let mut input = [0; 32];
        input[..8].copy_from_slice(&client);
        input[8..16].copy_from_slice(head);
        let length = match ip {
            IpAddr::V4(ip) => {
                input[16..20].copy_from_slice(&ip.octets());
                20
            }
            IpAddr::V6(ip) => {
                input[16..].copy_from_slice(&ip.octets());
                32
            }
        };
        siphash(self.secret, &input[..length])
    }
}

/// SipHash-2-4 (Aumasson and Bernstein, 2012), which RFC 9018 prescribes.
fn siphash([k0, k1]: [u64; 2], input: &[u8]) -> u64 {
    let mut v = [
        k0 ^ 0x736f_6d65_7073_6575,
        k1 ^ 0x646f_7261_6e64_6f6d,
        k0 ^ 0x6c79_6765_6e65_7261,
        k1 ^ 0x7465_6462_7974_6573,
    ];
    let mut word = |word: u64| {
        v[3] ^= word;
        round(&mut v);
        round(&mut v);
        v[0] ^= word;
    };
    let mut words = input.chunks_exact(8);
    for eight in words.by_ref() {
        word(
            eight
                .iter()
                .rev()
                .fold(0, |sum, byte| sum << 8 | u64::from(*byte)),
        );
    }
    let length = (input.len() as u64) << 56;
    let rest = words.remainder().iter().rev();
    word(length | rest.fold(0, |sum, byte| sum << 8 | u64::from(*byte)));
    v[2] ^= 0xff;
    for _ in 0..4 {
        round(&mut v);
    }
    v[0] ^ v[1] ^ v[2] ^ v[3]
}

fn round(v: &mut [u64; 4]) {
    v[0] = v[0].wrapping_add(v[1]);
    v[1] = v[1].rotate_left(13) ^ v[0];
    v[0] = v[0].rotate_left(32);
    v[2] = v[2].wrapping_add(v[3]);
    v[3] = v[3].rotate_left(16) ^ v[2];
    v[0] = v[0].wrapping_add(v[3]);
    v[3] = v[3].rotate_left(21) ^ v[0];
    v[2] = v[2].wrapping_add(v[1]);
    v[1] = v[1].rotate_left(17) ^ v[2];
    v[2] = v[2].rotate_left(32);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jar(secret: u128) -> Jar {
        let secret = secret.to_be_bytes();
        let word = |at: usize| {
            let mut eight = [0; 8];
            eight.copy_from_slice(&secret[at..at + 8]);
            u64::from_le_bytes(eight)
        };
        Jar {
            secret: [word(0), word(8)],
        }
    }

    /// RFC 9018 appendix A.1 and A.4: other servers of the same name would make the same cookie.
    #[test]
    fn cookies_are_those_of_the_standard() {
        let made = jar(0xe5e9_73e5_a6b2_a43f_48e7_dc84_9e37_bfcf).make(
            0x2464_c4ab_cf10_c957_u64.to_be_bytes(),
            "198.51.100.100".parse().unwrap(),
            1_559_731_985,
        );
        let expected = 0x0100_0000_5cf7_9f11_1f81_30c3_eee2_9480_u128;
        assert_eq!(made, expected.to_be_bytes());
        let made = jar(0xdd3b_df93_44b6_78b1_85a6_f5cb_60fc_a715).make(
            0x2268_1ab9_7d52_c298_u64.to_be_bytes(),
            "2001:db8:220:1:59de:d0f4:8769:82b8".parse().unwrap(),
            1_559_741_817,
        );
        let expected = 0x0100_0000_5cf7_c579_2655_6bd0_934c_72f8_u128;
        assert_eq!(made, expected.to_be_bytes());
    }

    #[test]
    fn a_cookie_counts_for_its_address_and_its_hour_only() {
        let jar = Jar::new().unwrap();
        let (mine, other): (IpAddr, IpAddr) =
            ("10.1.2.3".parse().unwrap(), "10.1.2.4".parse().unwrap());
        let client = *b"12345678";
        let cookie = Cookie {
            client,
            server: Some(jar.make(client, mine, 10_000)),
        };
        assert!(jar.proves(&cookie, mine, 10_000) && jar.proves(&cookie, mine, 13_600));
        assert!(!jar.proves(&cookie, mine, 13_601), "too old");
        assert!(!jar.proves(&cookie, mine, 9_600), "from the future");
        assert!(!jar.proves(&cookie, other, 10_000), "another address");
        assert!(
            !Jar::new().unwrap().proves(&cookie, mine, 10_000),
            "another server"
        );
        let bare = Cookie {
            client,
            server: None,
        };
        assert!(!jar.proves(&bare, mine, 10_000));
    }
}
