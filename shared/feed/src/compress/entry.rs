//! One entry of a zip file: its header, its bytes, and what the directory said of them.

use super::inflate::{FirstBytes, Inflate, Spent};
use super::step::Unpacked;
use super::zip::{Entry, LOCAL_HEADER, Method, lie, u16_at};
use crate::format::told;
use crate::{Damage, Limits};

#[derive(Debug)]
pub(super) struct EntryUnpacker {
    entry: Entry,
    /// The first bytes of the header, and its name.
    header: Vec<u8>,
    /// Bytes of the extra field that are still to be passed over.
    extra: Option<usize>,
    /// Packed bytes that are still to come.
    left: u64,
    inflate: Inflate,
    first: FirstBytes,
    limits: Limits,
    /// What this entry took, and what all did.
    own: Spent,
    total: Spent,
    done: bool,
}

impl EntryUnpacker {
    pub(super) fn new(entry: &Entry, spent: Spent, limits: Limits) -> Self {
        Self {
            entry: entry.clone(),
            header: Vec::new(),
            extra: None,
            left: entry.packed,
            inflate: Inflate::new(),
            first: FirstBytes::default(),
            limits,
            own: Spent::default(),
            total: spent,
            done: false,
        }
    }

    pub(super) fn is_done(&self) -> bool {
        self.done
    }

    pub(super) fn spent(&self) -> Spent {
        self.total
    }

    pub(super) fn push(&mut self, raw: &[u8], out: &mut Vec<u8>) -> Result<Unpacked, Damage> {
        let mut taken = self.header(raw)?;
        if self.extra != Some(0) || self.done {
            // What follows the entry is not its own.
            return Ok(Unpacked { taken: if self.done { raw.len() } else { taken }, more: false });
        }
        loop {
            let from = out.len();
            let rest = &raw[taken..];
            let own =
                &rest[..usize::try_from(self.left).map_or(rest.len(), |left| left.min(rest.len()))];
            let (step, ended) = self.step(own, out)?;
            taken += step;
            self.left -= step as u64;
            self.own.add(step, out.len() - from);
            self.total.add(step, out.len() - from);
            if let Err(nested) = self
                .first
                .see(&out[from..], &format!("entry {} of a zip file", told(&self.entry.name)))
            {
                out.truncate(from);
                return Err(nested);
            }
            self.own.check(&self.limits)?;
            self.total.check(&self.limits)?;
            if self.inflate.length() > self.entry.unpacked {
                return Err(self.broken("it unpacks to more than its directory says"));
            }
            if ended {
                self.end()?;
                return Ok(Unpacked { taken: raw.len(), more: false });
            }
            if out.len() == out.capacity() {
                return Ok(Unpacked { taken, more: true });
            }
            if self.left == 0 {
                return Err(self.broken("its bytes end before what they unpack to does"));
            }
            if taken == raw.len() {
                return Ok(Unpacked { taken, more: false });
            }
            if step == 0 && out.len() == from {
                return Err(self.broken("its bytes lead nowhere"));
            }
        }
    }

    pub(super) fn finish(&mut self) -> Result<(), Damage> {
        if self.done {
            return Ok(());
        }
        Err(self
            .broken(&format!("the file ends within it: {} of its bytes are missing", self.left)))
    }

    /// Takes what belongs to the header.
    fn header(&mut self, raw: &[u8]) -> Result<usize, Damage> {
        let mut taken = 0;
        if self.extra.is_none() {
            let length = self.entry.raw_name.len() + usize::try_from(LOCAL_HEADER).unwrap_or(30);
            taken = (length - self.header.len()).min(raw.len());
            self.header.extend_from_slice(&raw[..taken]);
            if self.header.len() == length {
                self.entry.check()?;
                self.extra = Some(self.check_header()?);
                self.header = Vec::new();
            }
        }
        if let Some(left) = &mut self.extra {
            let passed = (*left).min(raw.len() - taken);
            *left -= passed;
            taken += passed;
        }
        Ok(taken)
    }

    /// Holds the header against the directory, and answers with the length of its extra field.
    fn check_header(&self) -> Result<usize, Damage> {
        let field = |at| u16_at(&self.header, at).unwrap_or(u16::MAX);
        if !self.header.starts_with(b"PK\x03\x04") {
            return Err(self.broken("there is no header where its directory says"));
        }
        let method = match self.entry.method {
            Method::Stored => 0,
            Method::Deflated => 8,
            Method::Unknown(method) => method,
            Method::Encrypted => u16::MAX,
        };
        let name = usize::try_from(LOCAL_HEADER).ok().and_then(|from| self.header.get(from..));
        if field(8) != method
            || usize::from(field(26)) != self.entry.raw_name.len()
            || name != Some(&*self.entry.raw_name)
        {
            return Err(self.broken("its header is that of another entry"));
        }
        let extra = usize::from(field(28));
        let length = LOCAL_HEADER + self.entry.raw_name.len() as u64 + extra as u64;
        if length + self.entry.packed > self.entry.to - self.entry.from {
            return Err(self.broken("it overlaps with what follows it"));
        }
        Ok(extra)
    }

    fn step(&mut self, own: &[u8], out: &mut Vec<u8>) -> Result<(usize, bool), Damage> {
        if self.entry.method == Method::Stored {
            let taken = self.inflate.store(own, out);
            return Ok((taken, taken as u64 == self.left));
        }
        let step = self.inflate.step(own, out).map_err(|why| self.broken(why))?;
        Ok((step.taken, step.ended))
    }

    /// Holds what came against what the directory said.
    fn end(&mut self) -> Result<(), Damage> {
        if self.left > 0 || self.inflate.length() != self.entry.unpacked {
            return Err(self.broken("its lengths are others than its directory says"));
        }
        if self.inflate.crc() != self.entry.crc {
            return Err(self.broken("the check sum of what it unpacks to is another"));
        }
        self.done = true;
        Ok(())
    }

    fn broken(&self, why: &str) -> Damage {
        lie(&format!(
            "entry {}, which begins at byte {}, is damaged within its first {} bytes: {why}",
            told(&self.entry.name),
            self.entry.from,
            self.own.raw
        ))
    }
}
