//! PRIV-04, PRIV-08: what is sealed opens only with the key, at its place, unchanged.

#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;

use pharos_vault::{
    CHUNK_BYTES, Error, MasterKey, Opener, Place, Sealer, Vault, read_ring, write_ring,
};
use proptest::prelude::*;

const HERE: Place<'_> = Place::new("case_entry", "7", "body");

fn sealed_file(plain: &[u8], master: &MasterKey) -> Vec<u8> {
    let mut sealer = Sealer::new(Vec::new(), master).unwrap();
    sealer.write_all(plain).unwrap();
    sealer.finish().unwrap()
}

fn opened(sealed: &[u8], master: &MasterKey) -> Result<Vec<u8>, String> {
    let mut plain = Vec::new();
    let read = Opener::new(sealed, master).and_then(|mut opener| opener.read_to_end(&mut plain));
    read.map(|_| plain).map_err(|error| error.to_string())
}

/// PRIV-04: a value opens at its own place only, and what is stored does not hold it.
#[test]
fn priv_04_a_value_opens_only_at_its_place() {
    let vault = Vault::fresh().unwrap();
    let sealed = vault.seal(HERE, b"told her form tutor").unwrap();
    assert!(!sealed.windows(4).any(|bytes| bytes == b"told"));
    assert_eq!(
        vault.unseal(HERE, &sealed).unwrap().as_slice(),
        b"told her form tutor"
    );
    for other in [
        Place::new("case_entry", "8", "body"),
        Place::new("case_entry", "7", "title"),
        Place::new("alert", "7", "body"),
    ] {
        assert!(
            matches!(vault.unseal(other, &sealed), Err(Error::Damaged(_))),
            "{other}"
        );
    }
    assert_ne!(
        sealed,
        vault.seal(HERE, b"told her form tutor").unwrap(),
        "the same text looks different each time"
    );
}

/// PRIV-08: the school key and the master key can be changed; the old master key then opens nothing.
#[test]
fn priv_08_keys_are_rotated() {
    let (first, second) = (MasterKey::fresh().unwrap(), MasterKey::fresh().unwrap());
    let old = Vault::fresh().unwrap();
    let sealed = old.seal(HERE, b"note").unwrap();
    let new = old.with_new_school_key().unwrap();
    assert_eq!(
        new.unseal(HERE, &sealed).unwrap().as_slice(),
        b"note",
        "older keys still open"
    );
    let again = new.reseal(HERE, &sealed).unwrap().unwrap();
    assert!(new.reseal(HERE, &again).unwrap().is_none());
    let only_new = new.without_old_keys();
    assert!(matches!(
        only_new.unseal(HERE, &sealed),
        Err(Error::UnknownKey(1))
    ));
    let ring = only_new.ring(&second).unwrap();
    assert!(matches!(Vault::open(&ring, &first), Err(Error::WrongKey)));
    let reopened = Vault::open(&ring, &second).unwrap();
    assert_eq!(reopened.unseal(HERE, &again).unwrap().as_slice(), b"note");
    assert!(
        reopened.mark_holds("head", b"x", &old.mark("head", b"x")),
        "marks survive rotation"
    );
    assert!(!reopened.mark_holds("other", b"x", &old.mark("head", b"x")));
}

/// PRIV-04: the key file is for its owner only, is never overwritten, and nothing prints a key.
#[test]
fn priv_04_the_key_file_is_private_and_keys_are_never_printed() {
    let folder = tempfile::tempdir().unwrap();
    let (path, ring) = (folder.path().join("master.key"), folder.path().join("keys"));
    let master = MasterKey::fresh().unwrap();
    master.to_new_file(&path).unwrap();
    assert_eq!(
        std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert!(matches!(
        MasterKey::fresh().unwrap().to_new_file(&path),
        Err(Error::KeyFileExists(_))
    ));
    let vault = Vault::fresh().unwrap();
    write_ring(&ring, &vault, &master).unwrap();
    let again = read_ring(&ring, &MasterKey::from_file(&path).unwrap()).unwrap();
    assert_eq!(
        again
            .unseal(HERE, &vault.seal(HERE, b"x").unwrap())
            .unwrap()
            .as_slice(),
        b"x"
    );

    let digits = std::fs::read_to_string(&path).unwrap();
    let digits = digits.split_whitespace().nth(1).unwrap();
    let shown = format!("{master:?} {vault:?}");
    assert!(
        !shown.contains(&digits[..6]) && shown == "MasterKey(…) Vault(school key 1)",
        "{shown}"
    );

    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
    let refused = MasterKey::from_file(&path).unwrap_err().to_string();
    assert!(refused.contains("chmod 600"), "{refused}");
}

/// PRIV-08: a sealed file of any length opens whole; cut, changed, re-ordered or with another key it does not.
#[test]
fn priv_08_a_sealed_file_is_whole_or_refused() {
    let master = MasterKey::fresh().unwrap();
    for length in [
        0,
        1,
        CHUNK_BYTES - 1,
        CHUNK_BYTES,
        CHUNK_BYTES + 1,
        3 * CHUNK_BYTES,
    ] {
        let plain: Vec<u8> = (0..length).map(|n| n as u8).collect();
        assert_eq!(
            opened(&sealed_file(&plain, &master), &master),
            Ok(plain),
            "{length}"
        );
    }
    let part = CHUNK_BYTES + 16;
    let sealed = sealed_file(&vec![7; 3 * CHUNK_BYTES], &master);
    let cut_at_part = &sealed[..sealed.len() - part];
    let mut swapped = sealed.clone();
    swapped[68..68 + 2 * part].rotate_left(part);
    for wrong in [
        cut_at_part,
        &sealed[..sealed.len() - 1],
        &sealed[..30],
        &[],
        &swapped,
    ] {
        assert!(opened(wrong, &master).is_err());
    }
    let other = opened(&sealed, &MasterKey::fresh().unwrap()).unwrap_err();
    assert!(
        other.contains("does not open the school's key ring"),
        "{other}"
    );
}

proptest! {
    /// PRIV-04: any byte changed anywhere in a sealed value is noticed, and nothing panics.
    #[test]
    fn priv_04_any_changed_byte_is_noticed(plain in prop::collection::vec(any::<u8>(), 0..200), at in any::<prop::sample::Index>(), flip in 1u8..) {
        let vault = Vault::fresh().unwrap();
        let mut sealed = vault.seal(HERE, &plain).unwrap();
        prop_assert_eq!(vault.unseal(HERE, &sealed).unwrap().to_vec(), plain);
        let at = at.index(sealed.len());
        sealed[at] ^= flip;
        prop_assert!(vault.unseal(HERE, &sealed).is_err());
        sealed.truncate(at);
        prop_assert!(vault.unseal(HERE, &sealed).is_err());
    }
}
