//! Headers of RTP packets (RFC 3550 §5.1) with their extensions (RFC 8285), read in place and written. Nothing is allocated
//! but what the caller's buffer grows by.

/// Payload types that are those of RTCP, which shares a transport with RTP (RFC 5761 §4).
const RTCP_TYPES: std::ops::RangeInclusive<u8> = 64..=95;

/// Length of a header without sources and extensions, in bytes.
const FIXED: usize = 12;

/// Marks padding at the end of a packet.
const PADDING: u8 = 0x20;

/// Marks extensions of a header.
const EXTENDED: u8 = 0x10;

/// What begins a block of one-byte extensions (RFC 8285 §4.2).
const ONE_BYTE: u16 = 0xbede;

/// What begins a block of two-byte extensions (RFC 8285 §4.3). The lower four bits are the application's.
const TWO_BYTE: u16 = 0x1000;

/// How each extension of a block says its id and length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// 4 bits for each: ids 1 to 14, 1 to 16 bytes.
    OneByte,
    /// A byte for each: ids 1 to 255, 0 to 255 bytes.
    TwoByte,
    /// None that is known: there is nothing to read.
    Unknown,
}

/// The header of an RTP packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    /// Of a picture: its last packet. Of sound: the first packet after a pause.
    pub(crate) marker: bool,
    /// 0 to 127.
    pub(crate) payload_type: u8,
    pub(crate) sequence: u16,
    /// In the codec's clock.
    pub(crate) timestamp: u32,
    pub(crate) ssrc: u32,
    /// Length of the header with contributing sources and extensions, in bytes.
    pub(crate) length: usize,
    /// The packet, once it is opened, ends in padding.
    pub(crate) padding: bool,
    /// Where the extensions begin, which end the header. At its end: there are none.
    extensions: usize,
    form: Form,
}

impl Header {
    /// Reads the header of a packet that may still be sealed. None: it is no RTP (another version, a type of RTCP's) or is
    /// cut off. Extensions of an unknown form are passed over.
    pub(crate) fn read(packet: &[u8]) -> Option<Self> {
        let fixed: &[u8; FIXED] = packet.first_chunk()?;
        let payload_type = fixed[1] & 0x7f;
        if fixed[0] >> 6 != 2 || RTCP_TYPES.contains(&payload_type) {
            return None;
        }
        let sources = FIXED + 4 * usize::from(fixed[0] & 0x0f);
        let (extensions, length, form) = if fixed[0] & EXTENDED == 0 {
            (sources, sources, Form::Unknown)
        } else {
            let &[a, b, c, d] = packet.get(sources..)?.first_chunk::<4>()?;
            let form = match u16::from_be_bytes([a, b]) {
                ONE_BYTE => Form::OneByte,
                form if form & 0xfff0 == TWO_BYTE => Form::TwoByte,
                _ => Form::Unknown,
            };
            let words = usize::from(u16::from_be_bytes([c, d]));
            (sources + 4, sources + 4 + 4 * words, form)
        };
        (length <= packet.len()).then_some(Self {
            marker: fixed[1] & 0x80 != 0,
            payload_type,
            sequence: u16::from_be_bytes([fixed[2], fixed[3]]),
            timestamp: u32::from_be_bytes([fixed[4], fixed[5], fixed[6], fixed[7]]),
            ssrc: u32::from_be_bytes([fixed[8], fixed[9], fixed[10], fixed[11]]),
            length,
            padding: fixed[0] & PADDING != 0,
            extensions,
            form,
        })
    }

    /// The extensions (id, value) of the packet that the header was read from, as far as they can be read.
    pub(crate) fn extensions<'a>(&self, packet: &'a [u8]) -> Extensions<'a> {
        let rest = match self.form {
            Form::Unknown => &[],
            Form::OneByte | Form::TwoByte => packet.get(self.extensions..self.length).unwrap_or_default(),
        };
        Extensions { rest, form: self.form }
    }

    /// The payload of the packet that the header was read from, once it is opened, without padding. Empty: it is nothing
    /// but padding, or has no payload. None: the padding lies.
    pub(crate) fn payload<'a>(&self, packet: &'a [u8]) -> Option<&'a [u8]> {
        let payload = packet.get(self.length..)?;
        if !self.padding {
            return Some(payload);
        }
        // It counts itself.
        let padding = usize::from(*payload.last()?);
        if padding == 0 { None } else { payload.get(..payload.len().checked_sub(padding)?) }
    }
}

/// The header extensions of a packet: id and value.
#[derive(Debug, Clone)]
pub(crate) struct Extensions<'a> {
    rest: &'a [u8],
    form: Form,
}

impl<'a> Extensions<'a> {
    fn read(&mut self) -> Option<(u8, &'a [u8])> {
        let &first = self.rest.first()?;
        let (id, length, body) = if self.form == Form::OneByte {
            let id = first >> 4;
            // RFC 8285 §4.2: both end it: 15, and 0 with a length.
            if id == 0 || id == 15 {
                return None;
            }
            (id, usize::from(first & 0x0f) + 1, self.rest.get(1..)?)
        } else {
            (first, usize::from(*self.rest.get(1)?), self.rest.get(2..)?)
        };
        let (value, rest) = body.split_at_checked(length)?;
        self.rest = rest;
        Some((id, value))
    }
}

impl<'a> Iterator for Extensions<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        while let Some((&0, rest)) = self.rest.split_first() {
            self.rest = rest;
        }
        let read = self.read();
        if read.is_none() {
            self.rest = &[];
        }
        read
    }
}

/// The fixed part of a header that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fixed {
    pub(crate) marker: bool,
    /// 0 to 127.
    pub(crate) payload_type: u8,
    pub(crate) sequence: u16,
    pub(crate) timestamp: u32,
    pub(crate) ssrc: u32,
}

/// Writes a header behind what is in a buffer. The payload follows once it is finished.
#[derive(Debug)]
#[must_use = "a header is whole once it is finished"]
pub(crate) struct HeaderWriter<'a> {
    buffer: &'a mut Vec<u8>,
    /// Where the header begins.
    start: usize,
    form: Form,
}

impl<'a> HeaderWriter<'a> {
    /// Writes the fixed part. No sources, no padding.
    pub(crate) fn begin(buffer: &'a mut Vec<u8>, fixed: Fixed) -> Self {
        let start = buffer.len();
        let [s0, s1] = fixed.sequence.to_be_bytes();
        let [t0, t1, t2, t3] = fixed.timestamp.to_be_bytes();
        let [i0, i1, i2, i3] = fixed.ssrc.to_be_bytes();
        let second = u8::from(fixed.marker) << 7 | fixed.payload_type & 0x7f;
        buffer.extend_from_slice(&[0x80, second, s0, s1, t0, t1, t2, t3, i0, i1, i2, i3]);
        Self { buffer, start, form: Form::Unknown }
    }

    /// Writes an extension. All are one-byte ones until an id or a length needs the other form, which costs a byte more
    /// for each. What no form has (id 0, more than 255 bytes, more than a header can have) is left out.
    pub(crate) fn extension(mut self, id: u8, value: &[u8]) -> Self {
        let Ok(length) = u8::try_from(value.len()) else { return self };
        if id == 0 || self.buffer.len() - self.start > usize::from(u16::MAX) {
            return self;
        }
        if self.form == Form::Unknown {
            self.form = Form::OneByte;
            self.buffer.extend_from_slice(&[0; 4]);
        }
        if self.form == Form::OneByte && !((1..=14).contains(&id) && (1..=16).contains(&length)) {
            self.widen();
        }
        if self.form == Form::OneByte {
            self.buffer.push(id << 4 | (length - 1));
        } else {
            self.buffer.extend_from_slice(&[id, length]);
        }
        self.buffer.extend_from_slice(value);
        self
    }

    /// Turns the extensions that were written into two-byte ones.
    fn widen(&mut self) {
        self.form = Form::TwoByte;
        let mut at = self.start + FIXED + 4;
        while let Some(&first) = self.buffer.get(at) {
            let length = (first & 0x0f) + 1;
            self.buffer[at] = first >> 4;
            self.buffer.insert(at + 1, length);
            at += 2 + usize::from(length);
        }
    }

    /// Finishes the header. Returns its length in bytes.
    pub(crate) fn finish(self) -> usize {
        let Self { buffer, start, form } = self;
        let profile = match form {
            Form::Unknown => return FIXED,
            Form::OneByte => ONE_BYTE,
            Form::TwoByte => TWO_BYTE,
        };
        let block = start + FIXED + 4;
        let words = (buffer.len() - block).div_ceil(4);
        buffer.resize(block + 4 * words, 0);
        buffer[start] |= EXTENDED;
        buffer[block - 4..block - 2].copy_from_slice(&profile.to_be_bytes());
        // Extensions end soon after 65,535 bytes: a quarter of what the field can say.
        let words = u16::try_from(words).unwrap_or(u16::MAX);
        buffer[block - 2..block].copy_from_slice(&words.to_be_bytes());
        buffer.len() - start
    }
}

/// Any bytes (feature `fuzzing`): what is read is inside, and what is written anew is read again.
#[cfg(feature = "fuzzing")]
pub(crate) fn fuzz(bytes: &[u8]) {
    hold(bytes);
}

/// The promises, for one packet. `true`: it has a header.
#[cfg(any(test, feature = "fuzzing"))]
fn hold(packet: &[u8]) -> bool {
    let Some(header) = Header::read(packet) else { return false };
    assert!((FIXED..=packet.len()).contains(&header.length));
    if let Some(payload) = header.payload(packet) {
        assert!(header.padding || payload.len() == packet.len() - header.length);
        assert!(packet[header.length..].starts_with(payload));
    }
    let extensions: Vec<(u8, &[u8])> = header.extensions(packet).collect();
    let bytes: usize = extensions.iter().map(|(id, value)| usize::from(*id > 0) + value.len()).sum();
    assert!(bytes <= header.length - FIXED, "each id and value is somewhere in the header");

    let Header { marker, payload_type, sequence, timestamp, ssrc, .. } = header;
    let mut made = vec![7; 3];
    let fixed = Fixed { marker, payload_type, sequence, timestamp, ssrc };
    let mut writer = HeaderWriter::begin(&mut made, fixed);
    for (id, value) in &extensions {
        writer = writer.extension(*id, value);
    }
    let length = writer.finish();
    let made = &made[3..];
    assert_eq!(made.len(), length);
    let again = Header::read(made).expect("what is written can be read");
    assert_eq!((again.length, again.padding), (length, false));
    assert_eq!(
        (again.marker, again.payload_type, again.sequence, again.timestamp, again.ssrc),
        (marker, payload_type, sequence, timestamp, ssrc)
    );
    let kept: Vec<_> = again.extensions(made).collect();
    if header.length <= usize::from(u16::MAX) / 2 {
        assert_eq!(kept, extensions);
    } else {
        assert!(extensions.starts_with(&kept));
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FIXED_PART: Fixed = Fixed {
        marker: true,
        payload_type: 111,
        sequence: 0x0102,
        timestamp: 0x0304_0506,
        ssrc: 0x0708_090a,
    };

    fn read(packet: &[u8]) -> Vec<(u8, Vec<u8>)> {
        let header = Header::read(packet).unwrap();
        header.extensions(packet).map(|(id, value)| (id, value.to_vec())).collect()
    }

    /// A packet with one source, and this behind it.
    fn extended(block: &[u8]) -> Vec<u8> {
        [&[0x91, 111, 0, 1, 0, 0, 0, 0, 1, 2, 3, 4, 7, 7, 7, 7], block].concat()
    }

    #[test]
    fn each_field_is_where_it_belongs() {
        let packet = [0x80, 0x80 | 96, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0xaa, 0xbb];
        let h = Header::read(&packet).unwrap();
        assert_eq!((h.marker, h.payload_type, h.sequence), (true, 96, 0x0102));
        assert_eq!((h.timestamp, h.ssrc, h.length, h.padding), (0x0304_0506, 0x0708_090a, 12, false));
        assert_eq!(h.payload(&packet), Some(&[0xaa, 0xbb][..]));
        assert_eq!(h.extensions(&packet).count(), 0);
    }

    #[test]
    fn rtcp_other_versions_and_cut_headers_are_no_rtp() {
        let packet = |first: u8, second: u8| [first, second, 0, 1, 0, 0, 0, 0, 1, 2, 3, 4, 9];
        assert_eq!(Header::read(&packet(0x80, 111)).unwrap().ssrc, 0x0102_0304);
        assert!(Header::read(&packet(0x80, 63)).is_some() && Header::read(&packet(0x80, 96)).is_some());
        for rtcp in [64, 95, 200, 223] {
            assert_eq!(Header::read(&packet(0x80, rtcp)), None, "{rtcp}");
        }
        for version in [0x00, 0x40, 0xc0] {
            assert_eq!(Header::read(&packet(version, 111)), None, "{version}");
        }
        assert_eq!(Header::read(&packet(0x80, 111)[..11]), None);
        assert_eq!(Header::read(&[22; 40]), None);
        assert_eq!(Header::read(&[]), None);
        assert_eq!(Header::read(&packet(0x81, 111)), None, "a source that is not there");
    }

    #[test]
    fn extensions_are_found_behind_others_in_both_forms() {
        let one_byte = extended(&[0xbe, 0xde, 0, 2, 0x10, 9, 0, 0x31, 1, 2, 0, 0]);
        assert_eq!(read(&one_byte), [(1, vec![9]), (3, vec![1, 2])]);
        let two_byte = extended(&[0x10, 0, 0, 2, 1, 0, 3, 2, 1, 2, 0, 0]);
        assert_eq!(read(&two_byte), [(1, vec![]), (3, vec![1, 2])]);
        let application_bits = extended(&[0x10, 0x0f, 0, 1, 200, 1, 5, 0]);
        assert_eq!(read(&application_bits), [(200, vec![5])]);
    }

    #[test]
    fn extensions_are_read_as_far_as_they_can_be() {
        for (what, block, expected) in [
            ("15 ends it", &[0xbe, 0xde, 0, 2, 0x10, 9, 0xf0, 5, 0x20, 8, 0, 0][..], &[(1, vec![9])][..]),
            (
                "0 with a length ends it",
                &[0xbe, 0xde, 0, 2, 0x10, 9, 0x01, 5, 5, 0x20, 8, 0],
                &[(1, vec![9])],
            ),
            ("15 is an id of two bytes", &[0x10, 0, 0, 1, 15, 1, 5, 0], &[(15, vec![5])]),
            ("longer than the block", &[0xbe, 0xde, 0, 1, 0x3f, 1, 2, 0], &[]),
            ("longer than the block", &[0x10, 0, 0, 1, 3, 9, 2, 0], &[]),
            ("a length that is cut off", &[0x10, 0, 0, 1, 3, 1, 2, 4], &[(3, vec![2])]),
            ("no form that is known", &[9, 9, 0, 1, 0x10, 9, 0, 0], &[]),
            ("nothing but padding", &[0xbe, 0xde, 0, 1, 0, 0, 0, 0], &[]),
            ("nothing", &[0xbe, 0xde, 0, 0], &[]),
        ] {
            let packet = extended(&[block, &[0xaa]].concat());
            assert_eq!(read(&packet), expected, "{what}");
            let header = Header::read(&packet).unwrap();
            assert_eq!(header.payload(&packet), Some(&[0xaa][..]), "{what}");
            let mut extensions = header.extensions(&packet);
            assert_eq!(extensions.by_ref().count(), expected.len());
            assert_eq!(extensions.next(), None, "what has ended stays at its end: {what}");
        }
        for cut in [&[][..], &[0xbe, 0xde], &[0xbe, 0xde, 0, 9, 0x31, 1, 2, 0], &[9; 8]] {
            assert_eq!(Header::read(&extended(cut)), None, "a length that lies");
        }
    }

    #[test]
    fn padding_is_no_payload() {
        let padded = |payload: &[u8]| {
            let packet = [&[0xa0, 111, 0, 1, 0, 0, 0, 0, 1, 2, 3, 4], payload].concat();
            let header = Header::read(&packet).unwrap();
            assert!(header.padding);
            header.payload(&packet).map(<[u8]>::to_vec)
        };
        assert_eq!(padded(&[5, 6, 0, 0, 3]), Some(vec![5, 6]));
        assert_eq!(padded(&[5, 6, 1]), Some(vec![5, 6]));
        assert_eq!(padded(&[0, 0, 3]), Some(vec![]), "nothing but padding");
        assert_eq!(padded(&[5, 6, 0]), None, "it counts itself");
        assert_eq!(padded(&[5, 6, 4]), None, "more than there is");
        assert_eq!(padded(&[]), None);
    }

    #[test]
    fn a_header_without_extensions_has_twelve_bytes() {
        let mut out = vec![0xee];
        assert_eq!(HeaderWriter::begin(&mut out, FIXED_PART).finish(), 12);
        assert_eq!(out, [0xee, 0x80, 0x80 | 111, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    }

    #[test]
    fn extensions_are_written_in_the_shorter_form_that_has_them() {
        let write = |extensions: &[(u8, &[u8])]| {
            let mut out = vec![0xee];
            let writer = HeaderWriter::begin(&mut out, FIXED_PART);
            let writer = extensions.iter().fold(writer, |writer, (id, value)| writer.extension(*id, value));
            let length = writer.finish();
            assert_eq!(length, out.len() - 1);
            assert_eq!(out[1] & EXTENDED != 0, length > FIXED);
            out.split_off(1 + FIXED)
        };
        assert_eq!(
            write(&[(1, &[9]), (14, &[1, 2])]),
            [0xbe, 0xde, 0, 2, 0x10, 9, 0xe1, 1, 2, 0, 0, 0],
            "padded to a word"
        );
        let wide = [0x10, 0, 0, 2, 1, 1, 9, 15, 2, 1, 2, 0];
        assert_eq!(write(&[(1, &[9]), (15, &[1, 2])]), wide, "the id needs it");
        assert_eq!(write(&[(1, &[9]), (3, &[])]), [0x10, 0, 0, 2, 1, 1, 9, 3, 0, 0, 0, 0]);
        assert_eq!(write(&[(1, &[7; 16])])[..5], [0xbe, 0xde, 0, 5, 0x1f]);
        assert_eq!(write(&[(1, &[7; 17])])[..6], [0x10, 0, 0, 5, 1, 17]);
        assert!(write(&[(0, &[9]), (1, &[0; 256])]).is_empty(), "no form has them");
    }

    #[test]
    fn what_is_too_much_for_a_header_is_left_out() {
        let mut out = Vec::new();
        let mut writer = HeaderWriter::begin(&mut out, FIXED_PART);
        for _ in 0..2_000 {
            writer = writer.extension(200, &[1; 255]);
        }
        let length = writer.finish();
        let header = Header::read(&out).unwrap();
        assert_eq!(header.length, length);
        assert!(header.extensions(&out).all(|(id, value)| id == 200 && value == [1; 255]));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            (marker, payload_type) in (any::<bool>(), (0..128_u8).prop_filter("RTCP", |t| !RTCP_TYPES.contains(t))),
            (sequence, timestamp, ssrc) in any::<(u16, u32, u32)>(),
            extensions in prop::collection::vec((1..=20_u8, prop::collection::vec(any::<u8>(), 0..20)), 0..8),
            payload in prop::collection::vec(any::<u8>(), 0..40),
        ) {
            let mut out = Vec::new();
            let fixed = Fixed { marker, payload_type, sequence, timestamp, ssrc };
            let mut writer = HeaderWriter::begin(&mut out, fixed);
            for (id, value) in &extensions {
                writer = writer.extension(*id, value);
            }
            let length = writer.finish();
            out.extend_from_slice(&payload);
            let h = Header::read(&out).unwrap();
            prop_assert_eq!((h.marker, h.payload_type, h.sequence), (marker, payload_type, sequence));
            prop_assert_eq!((h.timestamp, h.ssrc, h.length), (timestamp, ssrc, length));
            prop_assert_eq!(h.payload(&out), Some(&payload[..]));
            prop_assert_eq!(read(&out), extensions);
            prop_assert!(hold(&out));
        }

        #[test]
        fn any_bytes_hold(mut packet in prop::collection::vec(any::<u8>(), 0..120), first in 0x80..0xc0_u8, form in 0..3) {
            hold(&packet);
            if let Some(at) = packet.first_mut() {
                *at = first;
            }
            let at = 12 + 4 * usize::from(first & 0x0f);
            if let Some(head) = packet.get_mut(at..at + 3) {
                head.copy_from_slice(&[[0xbe, 0xde, 0], [0x10, 0, 0], [0, 0, 0]][form as usize]);
            }
            hold(&packet);
        }
    }
}
