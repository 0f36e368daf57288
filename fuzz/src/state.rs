//! What a document holds, in a form in which documents can be compared.
//!
//! A document cannot be asked for all it holds, but its snapshot can be read: by this second reader
//! of the format, which knows nothing of the first.

use std::collections::{BTreeMap, BTreeSet};

use conjoin_core::codec::Reader;
use conjoin_core::{DecodeError, Doc};

/// What a snapshot says, whatever the order in which it says it.
#[derive(Debug, PartialEq)]
pub(crate) struct State {
    pub(crate) version: BTreeMap<u64, u64>,
    lamport: u64,
    heads: BTreeSet<(u64, u64)>,
    names: BTreeMap<u64, Vec<String>>,
    /// Each sum and each written value, as kind, name, and replica or key.
    values: BTreeMap<(u8, String, String), Vec<u8>>,
}

impl State {
    /// What `doc` holds.
    pub(crate) fn of(doc: &Doc) -> Self {
        Self::read(&doc.snapshot()).expect("a document's own snapshot can be read")
    }

    /// What a replica added to a counter.
    pub(crate) fn sum(&self, name: &str, replica: u64) -> Option<i128> {
        let sum = self.values.get(&(0, name.to_owned(), replica.to_string()))?;
        sum.as_slice().try_into().ok().map(i128::from_le_bytes)
    }

    fn read(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        assert_eq!(reader.take(4)?, b"CJS\x01");
        let replicas = (0..reader.varint()?).map(|_| reader.u64()).collect::<Result<Vec<_>, _>>()?;
        let strings =
            (0..reader.varint()?).map(|_| reader.str().map(str::to_owned)).collect::<Result<Vec<_>, _>>()?;
        let mut body = Body { reader, replicas, strings };
        let version = body.list(|body| Ok((body.replica()?, body.reader.varint()?)))?.into_iter().collect();
        let lamport = body.reader.varint()?;
        let heads = body.list(|body| Ok((body.replica()?, body.reader.varint()?)))?.into_iter().collect();
        let names = body.list(|body| Ok((body.replica()?, body.list(Body::string)?)))?;
        let names = names.into_iter().filter(|(_, names)| !names.is_empty()).collect();
        let mut values = BTreeMap::new();
        for kind in 0..4 {
            for (name, entries) in
                body.list(|body| Ok((body.string()?, body.list(|body| body.entry(kind))?)))?
            {
                // A sum of zero is as good as none.
                let entries = entries.into_iter().filter(|(_, value)| value.iter().any(|byte| *byte != 0));
                values.extend(entries.map(|(key, value)| ((kind, name.clone(), key), value)));
            }
        }
        body.reader.end()?;
        Ok(Self { version, lamport, heads, names, values })
    }
}

struct Body<'a> {
    reader: Reader<'a>,
    replicas: Vec<u64>,
    strings: Vec<String>,
}

impl Body<'_> {
    fn list<T>(
        &mut self,
        mut each: impl FnMut(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Vec<T>, DecodeError> {
        (0..self.reader.varint()?).map(|_| each(self)).collect()
    }

    fn replica(&mut self) -> Result<u64, DecodeError> {
        Ok(self.replicas[self.reader.varint()? as usize])
    }

    fn string(&mut self) -> Result<String, DecodeError> {
        Ok(self.strings[self.reader.varint()? as usize].clone())
    }

    fn entry(&mut self, kind: u8) -> Result<(String, Vec<u8>), DecodeError> {
        Ok(match kind {
            0 => {
                let replica = self.replica()?;
                let (low, high) = (self.reader.varint()?, self.reader.varint()?);
                let zigzag = u128::from(high) << 64 | u128::from(low);
                let sum = (zigzag >> 1) as i128 ^ -((zigzag & 1) as i128);
                (replica.to_string(), sum.to_le_bytes().to_vec())
            }
            1 => (self.replica()?.to_string(), (self.reader.float()? + 0.0).to_le_bytes().to_vec()),
            2 => (String::new(), self.written()?),
            _ => (self.string()?, self.written()?),
        })
    }

    fn written(&mut self) -> Result<Vec<u8>, DecodeError> {
        let (time, replica, is_value) = (self.reader.varint()?, self.replica()?, self.reader.byte()?);
        let mut all = [time.to_le_bytes(), replica.to_le_bytes()].concat();
        // Never all zero, unlike a sum.
        all.push(is_value + 1);
        if is_value != 0 {
            let tag = self.reader.byte()?;
            all.push(tag);
            match tag {
                3 => all.extend_from_slice(&self.reader.varint()?.to_le_bytes()),
                4 => all.extend_from_slice(self.reader.take(8)?),
                5 | 6 => all.extend_from_slice(self.reader.bytes()?),
                _ => {}
            }
        }
        Ok(all)
    }
}
