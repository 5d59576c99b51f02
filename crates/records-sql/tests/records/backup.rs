//! Backup, restore, change of keys (PRIV-08).

use std::fs;

use pharos_access::{About, Part, Target, act};
use pharos_records::{Alerts, Audit, Cases, Packs, People, Settings, Verdict};
use pharos_records_sql::{BackupError, BackupPlan, ExtraFile, Store, check_archive, restore};
use pharos_vault::{MasterKey, read_ring, write_ring};

use crate::world::{
    HEAD, LEAD, PUPIL, TECHNICIAN, TUTOR, World, alert_facts, at, entry, facts, new_alert, new_case,
};

/// A case, an alert, a setting.
async fn fill(world: &World) {
    let case = new_case(1, &[(PUPIL, About::Pupil, Part::Harmed)]);
    world
        .store
        .open_case(&world.permit(TUTOR), &case, &[entry(1, "kept")], &[], at(1))
        .await
        .unwrap();
    let alert = new_alert(1, Some((PUPIL, About::Pupil)));
    world
        .store
        .raise_alert(&world.system(), &alert, &[], at(1))
        .await
        .unwrap();
    let handle = world
        .try_permit::<act::HandleAlert>(LEAD, Target::Alert(&alert_facts(&alert)))
        .unwrap();
    world
        .store
        .append_alert(
            &handle,
            "explained",
            b"kept",
            &Default::default(),
            &[],
            at(2),
        )
        .await
        .unwrap();
    world
        .store
        .set_setting(&world.permit(HEAD), "a", Some("kept"), at(1))
        .await
        .unwrap();
}

/// Everything sealed can be read.
async fn reads(world: &World, store: &Store) {
    let case = new_case(1, &[(PUPIL, About::Pupil, Part::Harmed)]);
    let read = world
        .try_permit::<act::ReadCase>(LEAD, Target::Case(&facts(&case)))
        .unwrap();
    let file = store.case(&read, at(9)).await.unwrap().unwrap();
    assert_eq!(
        (file.case.title.as_str(), file.entries[0].body.clone()),
        ("Case 1", entry(1, "kept").body)
    );
    let alert = new_alert(1, Some((PUPIL, About::Pupil)));
    let read = world
        .try_permit::<act::ReadAlert>(LEAD, Target::Alert(&alert_facts(&alert)))
        .unwrap();
    let file = store.alert(&read, at(9)).await.unwrap().unwrap();
    assert_eq!(
        (file.alert.body, file.entries[0].body.clone()),
        (alert.body, b"kept".to_vec())
    );
    assert_eq!(store.setting("a").await.unwrap().unwrap().value, "kept");
}

/// PRIV-08: last night's backup on a clean machine with the school's key: records match and the log
/// verifies. Without the key, with a byte changed or the end missing, nothing is restored.
pub(crate) async fn priv_08_a_backup_restores_to_a_clean_machine(world: &World) {
    fill(world).await;
    let folder = world.folder.path();
    let extra = folder.join("manifest.toml");
    fs::write(&extra, "list = 'kept'").unwrap();
    let archive = folder.join("night.pharos");
    let files = [ExtraFile {
        name: "lists/manifest.toml".to_owned(),
        path: extra,
    }];
    let plan = BackupPlan {
        to: &archive,
        master: &world.master,
        files: &files,
        at: at(5),
    };
    let info = world
        .store
        .backup(&world.permit(TECHNICIAN), &plan)
        .await
        .unwrap();
    assert_eq!((info.files, info.made_at), (1, at(5)));
    let bytes = fs::read(&archive).unwrap();
    assert!(
        !bytes.windows(9).any(|window| window == b"Trevanion"),
        "names are sealed in the archive too"
    );

    let (clean, spare) = (tempfile::tempdir().unwrap(), world.spare());
    let wrong_key = restore(&archive, &MasterKey::fresh().unwrap(), clean.path(), &spare).await;
    assert!(
        matches!(wrong_key, Err(BackupError::Archive { .. })),
        "{wrong_key:?}"
    );
    for (name, wrong) in [
        ("cut", bytes[..bytes.len() - 7].to_vec()),
        ("changed", flipped(&bytes)),
    ] {
        let path = folder.join(name);
        fs::write(&path, wrong).unwrap();
        let refused = restore(&path, &world.master, clean.path(), &spare).await;
        assert!(
            matches!(refused, Err(BackupError::Archive { .. })),
            "{name}: {refused:?}"
        );
    }
    assert_eq!(
        fs::read_dir(clean.path()).unwrap().count(),
        0,
        "nothing half done"
    );

    let restored = restore(&archive, &world.master, clean.path(), &spare)
        .await
        .unwrap();
    assert!(
        matches!(restored.ledger, Verdict::Whole(Some(head)) if head.seq == info.ledger_entries)
    );
    assert_eq!(
        fs::read_to_string(clean.path().join("lists/manifest.toml")).unwrap(),
        "list = 'kept'"
    );
    let vault = read_ring(&clean.path().join("keys/ring"), &world.master).unwrap();
    let store = Store::open(&spare, vault).await.unwrap();
    assert_eq!(
        store.roll().await.unwrap(),
        world.store.roll().await.unwrap()
    );
    reads(world, &store).await;
    assert!(store.pack_in_force().await.unwrap().is_none());
    assert!(
        matches!(store.verify_ledger().await.unwrap(), Verdict::Whole(_)),
        "the chain goes on"
    );
    store.close().await;

    let full = restore(&archive, &world.master, clean.path(), &spare).await;
    assert!(matches!(full, Err(BackupError::NotEmpty(_))), "{full:?}");
    assert_eq!(check_archive(&archive, &world.master).unwrap(), info);
}

fn flipped(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    bytes
}

/// PRIV-08: after the change of the school's key everything can be read with the new one alone.
pub(crate) async fn priv_08_the_school_key_is_changed(world: &World) {
    fill(world).await;
    let ring = world.folder.path().join("keys");
    write_ring(&ring, &world.vault, &world.master).unwrap();
    let count = world
        .store
        .rotate_school_key(&world.permit(HEAD), &ring, &world.master, at(5))
        .await
        .unwrap();
    assert!(count >= 14, "{count}");
    reads(world, &world.store).await;
    let reopened = Store::open(&world.database, read_ring(&ring, &world.master).unwrap())
        .await
        .unwrap();
    reads(world, &reopened).await;
    assert!(matches!(
        reopened.verify_ledger().await.unwrap(),
        Verdict::Whole(_)
    ));
    reopened.close().await;
    let old = Store::open(&world.database, world.vault.clone())
        .await
        .unwrap();
    assert!(
        old.setting("a").await.is_err(),
        "the old key opens nothing any more"
    );
    old.close().await;
}
