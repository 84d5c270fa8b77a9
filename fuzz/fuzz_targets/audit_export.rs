#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ibake_fuzz::run("audit_export", data));
