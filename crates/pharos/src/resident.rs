//! What only the start needed of the program's own file is let go of when everything runs.
//!
//! Starting goes through relocations, tables and code that are never needed again, and the kernel
//! maps the pages around each that is touched: half of what the process has in memory then. They
//! stand unchanged in the file. What is let go of and needed after all comes back by itself, from
//! the kernel's cache.

use std::ffi::c_void;
use std::fs;
use std::io;
use std::ops::Range;
use std::path::Path;

use nix::libc;

/// Lets go; how many bytes of the address space were told of.
///
/// # Errors
/// Where the system does not say what is mapped, or refuses.
pub(crate) fn let_go_of_the_start() -> io::Result<usize> {
    let program = fs::read_link("/proc/self/exe")?;
    let mapped = fs::read_to_string("/proc/self/smaps")?;
    let mut bytes = 0;
    for range in unwritten(&mapped, &program) {
        let length = range.end - range.start;
        give_back(range.start, length)?;
        bytes += length;
    }
    Ok(bytes)
}

#[expect(
    unsafe_code,
    reason = "advice to the kernel about memory has no safe form"
)]
fn give_back(start: usize, length: usize) -> io::Result<()> {
    let start = std::ptr::without_provenance_mut::<c_void>(start);
    // SAFETY: the range is a mapping of this program's own file that may not be written to and of
    // which no page was ever written to: its pages are those of the file in the kernel's cache.
    // They are taken out of the process and are the same when they are next touched; whoever could
    // change the file meanwhile would change what is mapped now as well. The loader never maps
    // anything else in the place of the program.
    let done = unsafe { libc::madvise(start, length, libc::MADV_DONTNEED) };
    match done {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The mappings of the program's file, by what `/proc/self/smaps` says, that cannot be written to and
/// were not written to before: relocated tables, which are read-only too, differ from the file, and may
/// have been swapped out.
fn unwritten(mapped: &str, program: &Path) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut last = None;
    for line in mapped.lines() {
        if let Some(mapping) = mapping(line) {
            let (range, rights, path) = mapping;
            let reads = matches!(rights, "r--p" | "r-xp");
            last = (reads && Path::new(path) == program).then_some(range);
        } else if let Some(written) = line.strip_prefix("Anonymous:") {
            last = last.filter(|_| written.trim() == "0 kB");
        } else if let Some(swapped) = line.strip_prefix("Swap:") {
            // It stands behind the other; where it is missing the mapping is left alone.
            found.extend(last.take().filter(|_| swapped.trim() == "0 kB"));
        }
    }
    found
}

/// The line that begins a mapping: addresses, rights and the file; `None` for the lines about it.
fn mapping(line: &str) -> Option<(Range<usize>, &str, &str)> {
    let mut words = line.splitn(6, ' ');
    let (from, to) = words.next()?.split_once('-')?;
    let address = |text| usize::from_str_radix(text, 16).ok();
    let range = address(from)?..address(to)?;
    let rights = words.next()?;
    let file = words.nth(3).unwrap_or_default();
    Some((range, rights, file.trim_start()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAPPED: &str = "\
55a000000000-55a000100000 r--p 00000000 fe:00 123                        /opt/pharos
Size:               1024 kB
Rss:                 640 kB
Anonymous:             0 kB
Swap:                  0 kB
VmFlags: rd mr mw me
55a000100000-55a000400000 r-xp 00100000 fe:00 123                        /opt/pharos
Rss:                2048 kB
Anonymous:             0 kB
Swap:                  0 kB
55a000400000-55a000500000 r--p 00400000 fe:00 123                        /opt/pharos
Rss:                1024 kB
Anonymous:          1024 kB
Swap:                  0 kB
55a000580000-55a000590000 r--p 00480000 fe:00 123                        /opt/pharos
Rss:                   0 kB
Anonymous:             0 kB
Swap:                 64 kB
55a000590000-55a0005a0000 r--p 00490000 fe:00 123                        /opt/pharos
Rss:                   0 kB
Anonymous:             0 kB
55a0005a0000-55a000600000 rw-p 00500000 fe:00 123                        /opt/pharos
Rss:                 100 kB
Anonymous:             0 kB
Swap:                  0 kB
7f0000000000-7f0000100000 r-xp 00000000 fe:00 456                        /usr/lib/libc.so.6
Rss:                1024 kB
Anonymous:             0 kB
Swap:                  0 kB
7f0000200000-7f0000300000 r--p 00000000 00:00 0 
Rss:                1024 kB
Anonymous:             0 kB
Swap:                  0 kB
7ffd00000000-7ffd00002000 r-xp 00000000 00:00 0                          [vdso]
Rss:                   8 kB
Anonymous:             0 kB
Swap:                  0 kB
";

    /// FIL-01: only what stands unchanged in the program's own file is let go of.
    #[test]
    fn fil_01_nothing_that_was_written_is_let_go_of() {
        assert_eq!(
            unwritten(MAPPED, Path::new("/opt/pharos")),
            [
                0x55a0_0000_0000..0x55a0_0010_0000,
                0x55a0_0010_0000..0x55a0_0040_0000
            ]
        );
        assert!(unwritten(MAPPED, Path::new("/opt/other")).is_empty());
        assert!(unwritten("", Path::new("/opt/pharos")).is_empty());
    }

    /// FIL-01: the program runs on with all its tables, however often it lets go.
    #[test]
    fn fil_01_the_program_runs_on_after_letting_go() {
        let before: Vec<String> = tables();
        for _ in 0..3 {
            assert!(let_go_of_the_start().unwrap() > 0);
            assert_eq!(tables(), before);
        }
    }

    /// Something of code, constants and relocated tables.
    fn tables() -> Vec<String> {
        let mut texts = vec![MAPPED.to_owned()];
        texts.extend(pharos_policy::Action::ALL.iter().map(|one| one.to_string()));
        texts
    }
}
