//! Fuzzes `syslog_stream`; see `fuzz/README.md`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| pharos_fuzz::syslog_stream(data));
