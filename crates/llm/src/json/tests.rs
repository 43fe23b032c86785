use super::run::plain_run;

#[test]
fn a_run_ends_at_each_special_byte_and_only_there() {
    for special in 0..=255_u8 {
        for place in 0..20 {
            let mut bytes = vec![b'a'; 24];
            bytes[place] = special;
            let expected = if matches!(special, b'"' | b'\\' | 0..0x20) { place } else { 24 };
            assert_eq!(plain_run(&bytes, 0), expected, "{special:#x} at {place}");
        }
    }
}
