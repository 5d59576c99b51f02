//! A policy pack as a zip, as people upload it: its files by path, within bounds.

use std::io::{Cursor, Read};

use zip::ZipArchive;

use crate::{Error, PackFiles};

/// Most files of a pack.
const FILES_MAX: usize = 1000;
/// Most bytes of a pack after unpacking.
const BYTES_MAX: u64 = 32 << 20;

/// The files of a pack from a zip. A folder that holds the whole pack is stripped, so that
/// `harbourmouth/school.toml` and `school.toml` are the same.
///
/// # Errors
/// [`Error::Invalid`] for what is no zip, is damaged, holds too much, or names files outside itself.
pub fn pack_files(zip: &[u8]) -> Result<PackFiles, Error> {
    let no = |text: String| Error::field("file", text);
    let mut archive = ZipArchive::new(Cursor::new(zip)).map_err(|error| {
        no(format!(
            "This is not a zip that can be read ({error}). Zip the pack's folder and try again."
        ))
    })?;
    if archive.len() > FILES_MAX {
        return Err(no(format!(
            "The zip holds {} entries. A pack has at most {FILES_MAX}.",
            archive.len()
        )));
    }
    let mut files = PackFiles::new();
    let mut left = BYTES_MAX;
    for index in 0..archive.len() {
        let entry = archive
            .by_index(index)
            .map_err(|error| no(format!("The zip is damaged ({error}). Make it again.")))?;
        if entry.is_dir() {
            continue;
        }
        let path = entry.enclosed_name().ok_or_else(|| {
            no(
                "The zip names a file outside itself. Zip the pack's folder and try again."
                    .to_owned(),
            )
        })?;
        let path = path.to_string_lossy().replace('\\', "/");
        let mut bytes = Vec::new();
        entry
            .take(left + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| {
                no(format!(
                    "{path} cannot be unpacked ({error}). Make the zip again."
                ))
            })?;
        left = left
            .checked_sub(bytes.len() as u64)
            .ok_or_else(|| no("The pack is larger than 32 MB after unpacking.".to_owned()))?;
        files.insert(path, bytes);
    }
    Ok(without_folder(files))
}

fn without_folder(files: PackFiles) -> PackFiles {
    if files.contains_key("school.toml") {
        return files;
    }
    let Some(folder) = files
        .keys()
        .find_map(|path| path.strip_suffix("school.toml").map(str::to_owned))
    else {
        return files;
    };
    files
        .into_iter()
        .filter_map(|(path, bytes)| Some((path.strip_prefix(&folder)?.to_owned(), bytes)))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    fn zip_of(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, bytes) in files {
            zip.start_file(*name, SimpleFileOptions::default()).unwrap();
            zip.write_all(bytes).unwrap();
        }
        zip.finish().unwrap().into_inner()
    }

    #[test]
    fn the_folder_around_a_pack_is_left_out() {
        let files = pack_files(&zip_of(&[
            ("hm/school.toml", b"x"),
            ("hm/aup/staff.md", b"y"),
            ("__MACOSX/z", b"z"),
        ]))
        .unwrap();
        assert_eq!(
            files.keys().map(String::as_str).collect::<Vec<_>>(),
            ["aup/staff.md", "school.toml"]
        );
    }

    #[test]
    fn what_is_no_zip_or_unpacks_to_too_much_is_refused() {
        assert!(matches!(
            pack_files(b"PK not a zip"),
            Err(Error::Invalid(_))
        ));
        let bomb = vec![0; usize::try_from(BYTES_MAX).unwrap() + 1];
        assert!(matches!(
            pack_files(&zip_of(&[("school.toml", &bomb)])),
            Err(Error::Invalid(_))
        ));
    }
}
