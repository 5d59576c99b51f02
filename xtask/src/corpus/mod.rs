//! Makes the pages of `corpora/pages` from the sentences of `corpora/source`, always the same.
//!
//! The sentences are invented and mild. Pages of one topic draw different sentences into different
//! forms of page, so that none is a near copy of another.

mod forms;
mod html;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, bail};

/// Pages for each topic of lessons.
const PAGES_EDUCATION: u64 = 20;
/// Pages for each category of harm.
const PAGES_HARMFUL: u64 = 30;

/// Sentences by the name of their section.
pub(crate) struct Bank(BTreeMap<String, Vec<String>>);

impl Bank {
    fn read(path: &Path) -> anyhow::Result<Self> {
        let text = fs::read_to_string(path)
            .with_context(|| format!("{} cannot be read", path.display()))?;
        let mut bank = BTreeMap::new();
        let mut section = String::new();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            match line
                .strip_prefix('[')
                .and_then(|line| line.strip_suffix(']'))
            {
                Some(name) => section = name.to_owned(),
                None => bank
                    .entry(section.clone())
                    .or_insert_with(Vec::new)
                    .push(line.to_owned()),
            }
        }
        Ok(Self(bank))
    }

    /// Every line of a section.
    pub(crate) fn all(&self, section: &str) -> &[String] {
        self.0.get(section).map_or(&[], Vec::as_slice)
    }
}

/// Numbers that look drawn and are the same on every machine (SplitMix64).
pub(crate) struct Dice(u64);

impl Dice {
    /// Dice for one page.
    pub(crate) fn new(name: &str) -> Self {
        let mix = |sum: u64, byte: u8| (sum ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        Self(name.bytes().fold(0xcbf2_9ce4_8422_2325, mix))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`; 0 when there is none.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        let end = end.max(1) as u64;
        usize::try_from(self.next() % end).unwrap_or(0)
    }

    /// A number from `from` to `to`.
    pub(crate) fn between(&mut self, from: usize, to: usize) -> usize {
        from + self.below(to.saturating_sub(from) + 1)
    }

    /// True once in `times`.
    pub(crate) fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// One of several.
    pub(crate) fn one<'a>(&mut self, of: &'a [String]) -> &'a str {
        of.get(self.below(of.len())).map_or("", String::as_str)
    }

    /// Several different ones, in an order of their own.
    pub(crate) fn some<'a>(&mut self, count: usize, of: &'a [String]) -> Vec<&'a str> {
        let mut left: Vec<&str> = of.iter().map(String::as_str).collect();
        let mut drawn = Vec::new();
        while drawn.len() < count && !left.is_empty() {
            let at = self.below(left.len());
            drawn.push(left.swap_remove(at));
        }
        drawn
    }
}

/// Writes every page, or fails where one on disk is not what would be written.
pub(crate) fn run(root: &Path, check: bool) -> anyhow::Result<()> {
    let source = root.join("corpora/source");
    let plain = Bank::read(&source.join("plain.txt"))?;
    let pages = root.join("corpora/pages");
    if !check && pages.exists() {
        fs::remove_dir_all(&pages).context("the old pages cannot be removed")?;
    }
    let (mut count, mut bytes) = (0_u32, 0_usize);
    for (kind, each) in [("education", PAGES_EDUCATION), ("harmful", PAGES_HARMFUL)] {
        for path in banks(&source.join(kind))? {
            let bank = Bank::read(&path)?;
            let topic = path
                .file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            let folder = match kind {
                "education" => pages.join(kind).join(&topic),
                _ => pages.join(&topic),
            };
            for number in 0..each {
                let mut dice = Dice::new(&format!("{kind}/{topic}/{number}"));
                let parts = forms::page(kind, number, &bank, &plain, &mut dice);
                let page = html::write(&parts, &plain, &mut dice);
                count += 1;
                bytes += page.len();
                let file = folder.join(format!("{:02}.html", number + 1));
                put(&file, &page, check)?;
            }
        }
    }
    println!("{count} pages, {bytes} bytes, in {}", pages.display());
    Ok(())
}

fn put(file: &Path, page: &[u8], check: bool) -> anyhow::Result<()> {
    if check {
        if fs::read(file).ok().as_deref() != Some(page) {
            bail!("{} is stale: run `cargo xtask corpus`", file.display());
        }
        return Ok(());
    }
    let folder = file.parent().context("a page without a folder")?;
    fs::create_dir_all(folder)?;
    fs::write(file, page).with_context(|| format!("{} cannot be written", file.display()))
}

fn banks(folder: &Path) -> anyhow::Result<Vec<std::path::PathBuf>> {
    let listed =
        fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))?;
    let mut banks = Vec::new();
    for entry in listed {
        banks.push(entry?.path());
    }
    banks.sort();
    Ok(banks)
}
