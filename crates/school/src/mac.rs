//! Hardware addresses, as leases and Wi-Fi controllers write them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A hardware (MAC-48) address of one device.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mac([u8; 6]);

/// The text is no hardware address of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a hardware address of a device: write it as 00:11:22:aa:bb:cc")]
pub struct NotAMac;

impl Mac {
    /// From its six bytes; `None` for a group's address or one that is all zero.
    pub fn from_bytes(bytes: [u8; 6]) -> Option<Self> {
        let group = bytes[0] & 1 == 1;
        (!group && bytes != [0; 6]).then_some(Self(bytes))
    }

    /// The address at the front of a text, with whatever a controller writes behind it, such as
    /// the network's name after a colon.
    pub fn leading(text: &str) -> Option<Self> {
        let text = text.trim();
        [17, 14, 12]
            .into_iter()
            .filter_map(|length| text.get(..length))
            .find_map(|part| part.parse().ok())
    }

    /// The address inside a DHCP unique identifier that is made from one (RFC 8415: kinds 1 and 3
    /// over Ethernet).
    pub fn of_duid(duid: &[u8]) -> Option<Self> {
        let hardware = match duid {
            [0, 1, 0, 1, _, _, _, _, hardware @ ..] | [0, 3, 0, 1, hardware @ ..] => hardware,
            _ => return None,
        };
        Self::from_bytes(hardware.try_into().ok()?)
    }

    /// Whether the device made it up (the "locally administered" bit): phones do so for each
    /// network and change it now and then, so that it is nobody's for long.
    pub const fn is_made_up(self) -> bool {
        self.0[0] & 2 == 2
    }
}

impl FromStr for Mac {
    type Err = NotAMac;

    /// Twelve hexadecimal digits, together or in groups of two or four parted by `:`, `-` or `.`.
    fn from_str(text: &str) -> Result<Self, NotAMac> {
        let text = text.trim();
        let shape = |length, group: usize, between: &[u8]| {
            text.len() == length
                && text.bytes().enumerate().all(|(at, byte)| {
                    if at % (group + 1) == group {
                        between.contains(&byte)
                    } else {
                        byte.is_ascii_hexdigit()
                    }
                })
        };
        let plain = text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !plain && !shape(17, 2, b":-") && !shape(14, 4, b".") {
            return Err(NotAMac);
        }
        let mut bytes = [0_u8; 6];
        let digits = text
            .bytes()
            .filter_map(|byte| char::from(byte).to_digit(16));
        for (at, digit) in digits.enumerate().take(12) {
            let digit = u8::try_from(digit).map_err(|_| NotAMac)?;
            bytes[at / 2] = bytes[at / 2] << 4 | digit;
        }
        Self::from_bytes(bytes).ok_or(NotAMac)
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, byte) in self.0.iter().enumerate() {
            let between = if at == 0 { "" } else { ":" };
            write!(f, "{between}{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "mac:{self}")
    }
}

impl Serialize for Mac {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Mac {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// MON-02: one device is one device, however its address is written.
    #[test]
    fn mon_02_a_hardware_address_is_the_same_however_it_is_written() {
        for text in [
            "00:11:22:AA:bb:cc",
            "00-11-22-aa-bb-cc",
            "0011.22aa.bbcc",
            "001122AABBCC",
            " 00:11:22:aa:bb:cc ",
        ] {
            let mac: Mac = text.parse().unwrap();
            assert_eq!(mac.to_string(), "00:11:22:aa:bb:cc");
            assert!(!mac.is_made_up());
        }
        for wrong in [
            "",
            "00:11:22:aa:bb",
            "00:11:22:aa:bb:cg",
            "01:00:5e:00:00:01",
            "00:00:00:00:00:00",
            "0é1122AABBC",
            "00:11-22:aa:bb:cc:dd",
        ] {
            assert_eq!(wrong.parse::<Mac>(), Err(NotAMac), "{wrong}");
        }
        assert_eq!(
            Mac::leading("00-11-22-AA-BB-CC:School WiFi"),
            "001122aabbcc".parse().ok()
        );
        assert!("02:00:00:00:00:01".parse::<Mac>().unwrap().is_made_up());
        let duid = [0, 1, 0, 1, 9, 9, 9, 9, 0, 0x11, 0x22, 0xaa, 0xbb, 0xcc];
        assert_eq!(Mac::of_duid(&duid), "001122aabbcc".parse().ok());
        assert_eq!(Mac::of_duid(&duid[..9]), None);
    }
}
