//! Writes a sample governors' report:
//! `cargo run --release -p pharos-report --example sample_governors OUT.pdf`
#![allow(clippy::unwrap_used, reason = "a tool for looking at the result")]

#[path = "../tests/sample/mod.rs"]
mod sample;

fn main() {
    let out = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "governors.pdf".into());
    let document = pharos_report::governors(&sample::report(), &sample::cover());
    std::fs::write(out, pharos_report::pdf(&document).unwrap()).unwrap();
}
