//! Names to block, names that stay allowed, questions about both, and each peer's list format.
//!
//! Everything follows from the count and the files given: the same input gives the same lists.

use std::collections::HashSet;
use std::path::Path;

use anyhow::{Context, Result, ensure};

/// Questions in each file; the generators begin anew at the end.
const QUESTIONS: usize = 200_000;
/// Names that have never been asked: enough for some seconds of a fast resolver.
const NEW_NAMES: usize = 1_500_000;
/// Ordinary names that the mixture draws from.
const ALLOWED: usize = 10_000;

/// A small generator of even numbers (xorshift), seeded once: no run differs from another.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 >> 8
    }

    fn below(&mut self, most: usize) -> usize {
        (self.roll() % most as u64) as usize
    }

    fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}

/// Writes all files into `dir`. `files` may name real blocked names and real ordinary names, one a
/// line; what they lack is invented.
pub fn write(dir: &Path, count: usize, files: &[&str]) -> Result<()> {
    ensure!(
        count >= 1_000,
        "{count} names are too few to measure with; give at least 1000"
    );
    let mut dice = Dice(0x5EED_0FF4_A205_1DE5);
    let allowed = allowed(files.get(1).copied())?;
    let blocked = blocked(files.first().copied(), count, &allowed, &mut dice)?;
    let allowed = outside(allowed, &blocked);
    write_lists(dir, &blocked)?;
    write_hosts(dir, &blocked)?;
    write_questions(dir, &blocked, &allowed, &mut dice)?;
    println!(
        "{} names to block, {} ordinary names",
        blocked.len(),
        allowed.len()
    );
    Ok(())
}

/// The list as each server wants it.
fn write_lists(dir: &Path, blocked: &[String]) -> Result<()> {
    put(dir, "blocked.txt", lines(blocked, str::to_owned))?;
    put(
        dir,
        "unbound-list.conf",
        lines(blocked, |name| {
            format!("local-zone: \"{name}.\" always_nxdomain")
        }),
    )?;
    put(
        dir,
        "dnsmasq-list.conf",
        lines(blocked, |name| format!("address=/{name}/")),
    )?;
    put(
        dir,
        "squid-list.txt",
        lines(&without_children(blocked), |name| format!(".{name}")),
    )
}

/// What the clients of the proxies visit: blocked hosts, hosts to look into, hosts never to.
fn write_hosts(dir: &Path, blocked: &[String]) -> Result<()> {
    let visited: Vec<String> = blocked
        .iter()
        .filter(|name| !name.contains('_'))
        .take(100)
        .cloned()
        .collect();
    put(dir, "hosts-blocked.txt", lines(&visited, str::to_owned))?;
    for site in ["inspected", "private"] {
        let pages: Vec<String> = (0..100)
            .map(|page| format!("page{page}.{site}.test"))
            .collect();
        put(
            dir,
            &format!("hosts-{site}.txt"),
            lines(&pages, str::to_owned),
        )?;
    }
    Ok(())
}

/// What the clients of the resolvers ask.
fn write_questions(
    dir: &Path,
    blocked: &[String],
    allowed: &[String],
    dice: &mut Dice,
) -> Result<()> {
    let popular = popular(allowed, dice);
    let mix: Vec<String> = popular
        .into_iter()
        .map(|name| {
            if dice.below(10) == 0 {
                dice.one(blocked).clone()
            } else {
                name
            }
        })
        .collect();
    put(dir, "ask-mix.txt", questions(mix, dice))?;
    let sample: Vec<String> = (0..QUESTIONS).map(|_| dice.one(blocked).clone()).collect();
    let heads = [
        "www", "m", "cdn", "img", "api", "static", "ads", "a.b", "s3.eu",
    ];
    let below: Vec<String> = sample
        .iter()
        .map(|name| format!("{}.{name}", dice.one(&heads)))
        .collect();
    put(dir, "ask-blocked.txt", questions(sample, dice))?;
    put(dir, "ask-below.txt", questions(below, dice))?;
    let new = (0..NEW_NAMES).map(|n| format!("u{n:07}.{}", allowed[n % allowed.len()]));
    put(dir, "ask-new.txt", questions(new, dice))
}

/// One question a line; one in four for an IPv6 address.
fn questions(names: impl IntoIterator<Item = String>, dice: &mut Dice) -> String {
    names.into_iter().fold(String::new(), |text, name| {
        text + &name
            + if dice.below(4) == 0 {
                " AAAA\n"
            } else {
                " A\n"
            }
    })
}

fn put(dir: &Path, name: &str, text: String) -> Result<()> {
    std::fs::write(dir.join(name), text)
        .with_context(|| format!("cannot write {name} in {}", dir.display()))
}

fn read(file: &str) -> Result<Vec<String>> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("{file} cannot be read; give a text file with one name a line"))?;
    Ok(text
        .split_whitespace()
        .map(str::to_lowercase)
        .filter(|name| sound(name))
        .collect())
}

/// Whether all servers take it: two labels or more, of 1 to 63 letters (RFC 1035, 2.3.4).
fn sound(name: &str) -> bool {
    name.contains('.')
        && name.len() < 200
        && name.split('.').all(|label| (1..=63).contains(&label.len()))
}

fn allowed(file: Option<&str>) -> Result<Vec<String>> {
    let mut names = file.map_or(Ok(Vec::new()), read)?;
    names.truncate(ALLOWED);
    names.extend((names.len()..ALLOWED).map(|n| format!("lesson{n}.library{}.example", n % 700)));
    Ok(names)
}

/// The real names first (in an order that does not follow the file's), then new ones made of the
/// labels of what is there. Never an ordinary name or a parent of one.
fn blocked(
    file: Option<&str>,
    count: usize,
    allowed: &[String],
    dice: &mut Dice,
) -> Result<Vec<String>> {
    let ordinary: HashSet<&str> = allowed.iter().flat_map(|name| parents(name)).collect();
    let mut seen = HashSet::with_capacity(count);
    let mut names = Vec::with_capacity(count);
    let mut real = file.map_or(Ok(Vec::new()), read)?;
    for last in (1..real.len()).rev() {
        real.swap(last, dice.below(last + 1));
    }
    let stems: Vec<String> = match real.is_empty() {
        true => (0..20_000).map(|_| stem(dice)).collect(),
        false => real
            .iter()
            .take(200_000)
            .filter_map(|name| name.split('.').next())
            .map(str::to_owned)
            .collect(),
    };
    for name in real {
        if names.len() < count && !ordinary.contains(name.as_str()) && seen.insert(name.clone()) {
            names.push(name);
        }
    }
    let endings = [
        "com",
        "net",
        "org",
        "info",
        "co.uk",
        "de",
        "ru",
        "xyz",
        "top",
        "example.com",
    ];
    while names.len() < count {
        let (first, second) = (dice.one(&stems).clone(), dice.one(&stems).clone());
        let name = format!("{first}-{second}.{}", dice.one(&endings));
        if sound(&name) && !ordinary.contains(name.as_str()) && seen.insert(name.clone()) {
            names.push(name);
        }
    }
    Ok(names)
}

/// Three to twelve letters that alternate, so that invented names look and sort like words.
fn stem(dice: &mut Dice) -> String {
    let (soft, hard) = (b"aeiou", b"bcdfghklmnprstvz");
    (0..3 + dice.below(10))
        .map(|at| {
            char::from(if at % 2 == 0 {
                *dice.one(hard)
            } else {
                *dice.one(soft)
            })
        })
        .collect()
}

fn parents(name: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(name), |name| {
        name.split_once('.').map(|(_, parent)| parent)
    })
}

fn outside(names: Vec<String>, blocked: &[String]) -> Vec<String> {
    let blocked: HashSet<&str> = blocked.iter().map(String::as_str).collect();
    names
        .into_iter()
        .filter(|name| !parents(name).any(|parent| blocked.contains(parent)))
        .collect()
}

/// squid refuses a name that stands in the list beside its parent.
fn without_children(names: &[String]) -> Vec<String> {
    let all: HashSet<&str> = names.iter().map(String::as_str).collect();
    names
        .iter()
        .filter(|name| !parents(name).skip(1).any(|parent| all.contains(parent)))
        .cloned()
        .collect()
}

/// Draws ordinary names as people do: the n-th most popular about one n-th as often as the first.
fn popular(allowed: &[String], dice: &mut Dice) -> Vec<String> {
    let mut sum = 0.0;
    let steps: Vec<f64> = (0..allowed.len())
        .map(|n| {
            sum += 1.0 / (n + 1) as f64;
            sum
        })
        .collect();
    (0..QUESTIONS)
        .map(|_| {
            let at = (dice.roll() >> 3) as f64 / (1_u64 << 53) as f64 * sum;
            let name = &allowed[steps
                .partition_point(|step| *step < at)
                .min(allowed.len() - 1)];
            if dice.below(2) == 0 {
                format!("www.{name}")
            } else {
                name.clone()
            }
        })
        .collect()
}

fn lines(names: &[String], line: impl Fn(&str) -> String) -> String {
    names
        .iter()
        .fold(String::with_capacity(names.len() * 40), |mut text, name| {
            text.push_str(&line(name));
            text.push('\n');
            text
        })
}
