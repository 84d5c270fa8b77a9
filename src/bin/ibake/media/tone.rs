//! What can be heard in a WAV file.

/// The samples of a WAV file of 16-bit mono, and how many there are in a second; `None` for anything else.
pub(super) fn samples(wav: &[u8]) -> Option<(u32, Vec<i16>)> {
    let mut rest = wav.strip_prefix(b"RIFF")?.get(4..)?.strip_prefix(b"WAVE")?;
    let mut rate = None;
    loop {
        let (name, length) = (rest.get(..4)?, rest.get(4..8)?);
        let length = u32::from_le_bytes(length.try_into().ok()?) as usize;
        let body = rest.get(8..)?;
        // A writer that was ended early leaves a length that was never filled in.
        let chunk = body.get(..length).unwrap_or(body);
        match name {
            b"fmt " => {
                // PCM, one channel, rate, 16 bits.
                let field = |at: usize, n: usize| chunk.get(at..at + n);
                if field(0, 4)? != [1, 0, 1, 0] || field(14, 2)? != [16, 0] {
                    return None;
                }
                rate = Some(u32::from_le_bytes(field(4, 4)?.try_into().ok()?));
            }
            b"data" => {
                let pairs = chunk.as_chunks::<2>().0;
                return Some((rate?, pairs.iter().map(|p| i16::from_le_bytes(*p)).collect()));
            }
            _ => {}
        }
        rest = body.get(length + length % 2..)?;
    }
}

/// The frequency of a plain tone in hertz: the ways from below zero to above it, counted from the first to the last.
pub(super) fn frequency(rate: u32, samples: &[i16]) -> Option<f64> {
    let ups: Vec<usize> = (1..)
        .zip(samples.windows(2))
        .filter(|(_, w)| matches!(w, [a, b] if *a < 0 && *b >= 0))
        .map(|(i, _)| i)
        .collect();
    let (first, last) = (ups.first()?, ups.last()?);
    (last > first).then(|| (ups.len() - 1) as f64 * f64::from(rate) / (last - first) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wav(samples: &[i16], extra: &[u8]) -> Vec<u8> {
        let data: Vec<u8> = samples.iter().flat_map(|s| s.to_le_bytes()).collect();
        let format = [&[1, 0, 1, 0][..], &8000u32.to_le_bytes(), &16_000u32.to_le_bytes(), &[2, 0, 16, 0]].concat();
        let chunk = |name: &[u8], body: &[u8]| [name, &(body.len() as u32).to_le_bytes(), body].concat();
        [b"RIFF\0\0\0\0WAVE", &chunk(b"fmt ", &format)[..], extra, &chunk(b"data", &data)].concat()
    }

    #[test]
    fn a_tone_is_measured_and_silence_is_none() {
        let tone: Vec<i16> = (0..8000)
            .map(|i| (9000.0 * (f64::from(i) * 440.0 * std::f64::consts::TAU / 8000.0).sin()) as i16)
            .collect();
        let (rate, read) = samples(&wav(&tone, b"LIST\x03\0\0\0abc\0")).unwrap();
        assert_eq!((rate, &read), (8000, &tone));
        let heard = frequency(rate, &read).unwrap();
        assert!((heard - 440.0).abs() < 0.5, "{heard}");
        assert_eq!(frequency(8000, &[0; 800]), None);
        for n in 0..wav(&[], b"").len() - 8 {
            assert!(samples(&wav(&[], b"")[..n]).is_none(), "{n}");
        }
        assert!(samples(b"RIFF\0\0\0\0WAVEdata\0\0\0\0").is_none(), "no format");
    }
}
