//! gzip (RFC 1952): all members, what may follow them, and where each began.

use super::inflate::{FirstBytes, Inflate, Spent};
use super::step::{Restart, Unpacked};
use crate::{Damage, Limits, Notices};

/// The part of a file that the next byte belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// The ten bytes that every header begins with, and how many of them came.
    Fixed(usize),
    /// The two bytes of the length of the extra field.
    ExtraLength(usize),
    /// The extra field: how many of its bytes are still to come.
    Extra(usize),
    /// The file's name, to a zero byte.
    Name,
    /// A comment, to a zero byte.
    Comment,
    /// The header's own check sum, and how many of its bytes came.
    HeaderSum(usize),
    /// Deflated bytes.
    Body,
    /// The check sum and length of what was unpacked, and how many of their bytes came.
    Trailer(usize),
    /// Zero bytes behind a member, as block devices leave them.
    Padding,
    /// What is no gzip behind a member.
    Rest,
}

const EXTRA: u8 = 1 << 2;
const NAME: u8 = 1 << 3;
const COMMENT: u8 = 1 << 4;
const HEADER_SUM: u8 = 1 << 1;
/// Flags that the standard keeps for later: a header that has one may have parts that are not known here.
const RESERVED: u8 = 0xe0;

#[derive(Debug)]
pub(super) struct GzipUnpacker {
    part: Part,
    /// What came of a part of fixed length.
    held: [u8; 10],
    inflate: Inflate,
    first: FirstBytes,
    limits: Limits,
    /// Where the member began that is being read.
    member: Restart,
    /// Whether a member before it, or before where reading began, came whole.
    had_member: bool,
    /// The raw offset in the file, and what was unpacked before it.
    at: Spent,
    /// What was taken since reading began; the ratio is that of what was read.
    read: Spent,
    pub(super) notices: Notices,
}

impl GzipUnpacker {
    pub(super) fn new(from: Restart, limits: Limits) -> Self {
        Self {
            part: Part::Fixed(0),
            held: [0; 10],
            inflate: Inflate::new(),
            first: FirstBytes::default(),
            limits,
            member: from,
            had_member: from.raw > 0,
            at: Spent { raw: from.raw, unpacked: from.unpacked },
            read: Spent::default(),
            notices: Notices::default(),
        }
    }

    pub(super) fn restart(&self) -> Restart {
        self.member
    }

    pub(super) fn spent(&self) -> Spent {
        self.at
    }

    pub(super) fn push(&mut self, raw: &[u8], out: &mut Vec<u8>) -> Result<Unpacked, Damage> {
        let mut taken = 0;
        while taken < raw.len() || self.part == Part::Body {
            if self.part == Part::Body {
                if out.len() == out.capacity() {
                    return Ok(Unpacked { taken, more: true });
                }
                let step = self.body(&raw[taken..], out)?;
                taken += step;
                if self.part == Part::Body && taken == raw.len() {
                    break;
                }
            } else if self.part == Part::Rest {
                self.at.add(raw.len() - taken, 0);
                taken = raw.len();
            } else {
                let byte = raw[taken];
                taken += 1;
                self.at.add(1, 0);
                self.read.add(1, 0);
                self.byte(byte)?;
            }
        }
        Ok(Unpacked { taken, more: self.part == Part::Body && out.len() == out.capacity() })
    }

    pub(super) fn finish(&mut self) -> Result<(), Damage> {
        match self.part {
            Part::Rest | Part::Padding => Ok(()),
            Part::Fixed(0) if self.had_member => Ok(()),
            _ => Err(Damage(format!(
                "the gzip file ends within the member that begins at its byte {}: {} bytes came, and more are missing",
                self.member.raw, self.at.raw
            ))),
        }
    }

    fn body(&mut self, raw: &[u8], out: &mut Vec<u8>) -> Result<usize, Damage> {
        let from = out.len();
        let step = self.inflate.step(raw, out);
        let unpacked = out.len() - from;
        let taken = step.as_ref().map_or(0, |step| step.taken);
        self.at.add(taken, unpacked);
        self.read.add(taken, unpacked);
        let step = step.map_err(|why| self.broken(why))?;
        if let Err(nested) = self.first.see(&out[from..], "a gzip file") {
            out.truncate(from);
            return Err(nested);
        }
        // The limit on bytes counts what was unpacked before reading began anew; the ratio does not.
        self.read.check(&self.limits)?;
        Spent { raw: u64::MAX, ..self.at }.check(&self.limits)?;
        if step.ended {
            self.part = Part::Trailer(0);
        } else if step.taken == 0 && unpacked == 0 && !raw.is_empty() {
            return Err(self.broken("its bytes lead nowhere"));
        }
        Ok(step.taken)
    }

    fn broken(&self, why: &str) -> Damage {
        Damage(format!(
            "the gzip member that begins at byte {} is damaged before byte {}: {why}",
            self.member.raw, self.at.raw
        ))
    }

    /// Takes a byte of what stands around deflated bytes.
    fn byte(&mut self, byte: u8) -> Result<(), Damage> {
        self.part = match self.part {
            Part::Fixed(count) => return self.fixed(count, byte),
            Part::ExtraLength(0) => {
                self.held[0] = byte;
                Part::ExtraLength(1)
            }
            Part::ExtraLength(_) => match usize::from(u16::from_le_bytes([self.held[0], byte])) {
                0 => self.after(EXTRA),
                length => Part::Extra(length),
            },
            Part::Extra(1) => self.after(EXTRA),
            Part::Extra(left) => Part::Extra(left - 1),
            Part::Name if byte == 0 => self.after(NAME),
            Part::Comment if byte == 0 => self.after(COMMENT),
            part @ (Part::Name | Part::Comment) => part,
            Part::HeaderSum(0) => Part::HeaderSum(1),
            Part::HeaderSum(_) => Part::Body,
            Part::Trailer(count) => return self.trailer(count, byte),
            Part::Padding => {
                if byte == 0 {
                    return Ok(());
                }
                self.begin_member();
                return self.fixed(0, byte);
            }
            part @ (Part::Body | Part::Rest) => part,
        };
        Ok(())
    }

    /// Takes a byte of a header's beginning, or of what stands in its place behind a member.
    fn fixed(&mut self, count: usize, byte: u8) -> Result<(), Damage> {
        let sound = match count {
            0 => byte == 0x1f,
            1 => byte == 0x8b,
            _ => true,
        };
        if !sound {
            if !self.had_member {
                return Err(self.broken("it does not begin as gzip does"));
            }
            if count == 0 && byte == 0 {
                self.part = Part::Padding;
                return Ok(());
            }
            self.notices.tell(format!(
                "what follows byte {} of the gzip file is no gzip and was passed over",
                self.member.raw
            ));
            self.part = Part::Rest;
            return Ok(());
        }
        self.held[count] = byte;
        if count < 9 {
            self.part = Part::Fixed(count + 1);
            return Ok(());
        }
        if self.held[2] != 8 {
            return Err(self.broken(&format!(
                "its method is {}, and only deflate (8) is known",
                self.held[2]
            )));
        }
        if self.held[3] & RESERVED != 0 {
            return Err(self.broken("its header has flags that are not known"));
        }
        // Keep the flags out of the way of what `held` takes next.
        self.held[9] = self.held[3];
        self.part = self.after(0);
        Ok(())
    }

    /// The part of the header that follows the one with this flag.
    fn after(&self, flag: u8) -> Part {
        let flags = self.held[9];
        let order = [(EXTRA, Part::ExtraLength(0)), (NAME, Part::Name), (COMMENT, Part::Comment)];
        let passed = order.iter().position(|(of, _)| *of == flag).map_or(0, |index| index + 1);
        let next = order[passed..].iter().find(|(of, _)| flags & of != 0).map(|(_, part)| *part);
        next.unwrap_or(if flags & HEADER_SUM != 0 { Part::HeaderSum(0) } else { Part::Body })
    }

    fn trailer(&mut self, count: usize, byte: u8) -> Result<(), Damage> {
        self.held[count] = byte;
        if count < 7 {
            self.part = Part::Trailer(count + 1);
            return Ok(());
        }
        let [a, b, c, d, e, f, g, h, ..] = self.held;
        if u32::from_le_bytes([a, b, c, d]) != self.inflate.crc() {
            return Err(self.broken("the check sum of what it unpacks to is another"));
        }
        // The standard keeps the length modulo 2^32.
        let length = u64::from(u32::from_le_bytes([e, f, g, h]));
        if length != self.inflate.length() & u64::from(u32::MAX) {
            return Err(self.broken("the length of what it unpacks to is another"));
        }
        self.had_member = true;
        self.at_end_of_member();
        Ok(())
    }

    fn at_end_of_member(&mut self) {
        self.inflate.reset();
        self.member = Restart { raw: self.at.raw, unpacked: self.at.unpacked };
        self.part = Part::Fixed(0);
    }

    /// A member may begin with the byte that was just taken.
    fn begin_member(&mut self) {
        self.member = Restart { raw: self.at.raw - 1, unpacked: self.at.unpacked };
    }
}
