//! Hexadecimal and base64 as people paste them, with line breaks.

use base64ct::{Base64, Base64Unpadded, Base64Url, Base64UrlUnpadded, Encoding};

/// The bytes of a text that is nothing but hexadecimal digits or base64.
pub(crate) fn decode_text(text: &str) -> Option<Vec<u8>> {
    let packed: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let packed = packed.strip_prefix("0x").unwrap_or(&packed);
    if packed.len() < 8 {
        return None;
    }
    if packed.len().is_multiple_of(2) && packed.bytes().all(|b| b.is_ascii_hexdigit()) {
        return base16ct::mixed::decode_vec(packed).ok();
    }
    Base64::decode_vec(packed)
        .or_else(|_| Base64Unpadded::decode_vec(packed))
        .or_else(|_| Base64Url::decode_vec(packed))
        .or_else(|_| Base64UrlUnpadded::decode_vec(packed))
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_texts_are_read_with_line_breaks() {
        let bytes = Some(vec![0, 1, 2, 0xfe, 0xff, 7, 8]);
        for text in [
            "000102feff0708",
            "0x000102FEFF0708",
            "0001 02fe\nff07 08",
            "AAEC/v8HCA==",
            "AAEC/v8HCA",
            "AAEC_v8HCA",
            " AAEC\n/v8H CA== ",
        ] {
            assert_eq!(decode_text(text), bytes, "{text}");
        }
        assert_eq!(decode_text("no base64 !"), None);
        assert_eq!(decode_text("abc"), None);
    }
}
