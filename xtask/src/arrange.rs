//! The order of what is in wasm. It says nothing to who runs it, and much to who compresses it.
//!
//! gzip finds again what stood at most 32 KiB before. So functions that are alike are put next to each other, the
//! variables that a function uses most get the same numbers in all, and each access to memory gives the alignment that
//! is usual for it (a hint, without effect).

use std::{cmp::Reverse, collections::HashMap};

use anyhow::{Context, Result};
use wasm_encoder::{
    CodeSection, Encode, Function, FunctionSection, Instruction, MemArg, Module, ValType,
    reencode::{self, Error, Reencode},
};
use wasmparser::{
    CodeSectionReader, CustomSectionReader, FunctionBody, FunctionSectionReader, Operator, Parser, Payload,
    TypeRef,
};

use crate::compress::gzip;

/// How much of what stood before a function is looked at, in bytes: below the 32 KiB of gzip, which the function
/// itself takes a part of. Which is best changes with each function that does: all are tried.
const WINDOWS: [usize; 3] = [20_000, 22_000, 24_000];

/// How many bytes functions must have in a row to be alike there.
const ALIKE: usize = 5;

/// What stands in more functions than this tells nothing of them.
const COMMON: usize = 128;

/// The same module, but for names and other custom sections, so that it takes fewer bytes when compressed.
///
/// # Errors
/// When `wasm` is no module.
pub(crate) fn arrange(wasm: &[u8]) -> Result<Vec<u8>> {
    let (mut least, mut best) = (usize::MAX, Vec::new());
    for window in WINDOWS {
        let mut module = Module::new();
        let mut arranged = Arranged::of(wasm, window)?;
        arranged.parse_core_module(&mut module, Parser::new(0), wasm).context("arranging wasm")?;
        let module = module.finish();
        let size = gzip(&module)?.len();
        if size < least {
            (least, best) = (size, module);
        }
    }
    Ok(best)
}

/// Writes a module again.
struct Arranged {
    /// How many functions are imported: these have the first numbers.
    imported: u32,
    /// How many parameters each function has that isn't.
    parameters: Vec<u32>,
    /// These functions in their new order.
    order: Vec<u32>,
    /// The place of each in it.
    places: Vec<u32>,
    /// The new number of each variable of the function that is being written.
    variables: Vec<u32>,
}

impl Arranged {
    fn of(wasm: &[u8], window: usize) -> Result<Self> {
        let mut types = Vec::new();
        let mut bodies = Vec::new();
        let mut arranged = Self {
            imported: 0,
            parameters: Vec::new(),
            order: Vec::new(),
            places: Vec::new(),
            variables: Vec::new(),
        };
        for payload in Parser::new(0).parse_all(wasm) {
            match payload? {
                Payload::TypeSection(section) => {
                    for each in section.into_iter_err_on_gc_types() {
                        types.push(each?.params().len() as u32);
                    }
                }
                Payload::ImportSection(section) => {
                    for import in section.into_imports() {
                        arranged.imported += u32::from(matches!(import?.ty, TypeRef::Func(_)));
                    }
                }
                Payload::FunctionSection(section) => {
                    for of in section {
                        arranged.parameters.push(*types.get(of? as usize).context("no such type")?);
                    }
                }
                Payload::CodeSectionEntry(body) => bodies.push(body),
                _ => {}
            }
        }
        arranged.places = (0..bodies.len() as u32).collect();
        let mut written = Vec::new();
        for (function, body) in bodies.iter().enumerate() {
            let mut bytes = Vec::new();
            arranged.write(function, body)?.encode(&mut bytes);
            written.push(bytes);
        }
        arranged.order = alike_together(&written, window);
        for (place, &function) in arranged.order.iter().enumerate() {
            arranged.places[function as usize] = place as u32;
        }
        Ok(arranged)
    }

    fn write(&mut self, function: usize, body: &FunctionBody<'_>) -> Result<Function, Error> {
        let parameters = self.parameters[function];
        let mut kinds = Vec::new();
        for several in body.get_locals_reader()? {
            let (count, kind) = several?;
            kinds.resize(kinds.len() + count as usize, self.val_type(kind)?);
        }
        let mut uses = vec![0; kinds.len()];
        for operator in body.get_operators_reader()? {
            let (Operator::LocalGet { local_index: variable }
            | Operator::LocalSet { local_index: variable }
            | Operator::LocalTee { local_index: variable }) = operator?
            else {
                continue;
            };
            if let Some(own) = variable.checked_sub(parameters) {
                uses[own as usize] += 1;
            }
        }
        let mut by_use: Vec<usize> = (0..kinds.len()).filter(|&own| uses[own] > 0).collect();
        // A kind takes bytes for each stretch of variables that has it.
        let kind_of = |own: usize| match kinds[own] {
            ValType::I32 => 0,
            ValType::I64 => 1,
            ValType::F32 | ValType::F64 => 2,
            _ => 3,
        };
        by_use.sort_by_key(|&own| (kind_of(own), Reverse(uses[own])));
        self.variables = (0..parameters + kinds.len() as u32).collect();
        for (place, &own) in by_use.iter().enumerate() {
            self.variables[parameters as usize + own] = parameters + place as u32;
        }
        let mut written = Function::new_with_locals_types(by_use.iter().map(|&own| kinds[own]));
        for operator in body.get_operators_reader()? {
            written.instruction(&self.instruction(operator?)?);
        }
        Ok(written)
    }
}

impl Reencode for Arranged {
    type Error = std::convert::Infallible;

    fn function_index(&mut self, function: u32) -> Result<u32, Error> {
        Ok(match function.checked_sub(self.imported) {
            Some(own) => self.imported + self.places[own as usize],
            None => function,
        })
    }

    fn mem_arg(&mut self, argument: wasmparser::MemArg) -> Result<MemArg, Error> {
        Ok(MemArg {
            offset: argument.offset,
            align: argument.max_align.into(),
            memory_index: self.memory_index(argument.memory)?,
        })
    }

    fn instruction<'a>(&mut self, operator: Operator<'a>) -> Result<Instruction<'a>, Error> {
        let mut instruction = reencode::utils::instruction(self, operator)?;
        if let Instruction::LocalGet(variable)
        | Instruction::LocalSet(variable)
        | Instruction::LocalTee(variable) = &mut instruction
        {
            *variable = self.variables[*variable as usize];
        }
        Ok(instruction)
    }

    fn parse_function_section(
        &mut self,
        functions: &mut FunctionSection,
        section: FunctionSectionReader<'_>,
    ) -> Result<(), Error> {
        let types = section.into_iter().collect::<Result<Vec<u32>, _>>()?;
        for &function in &self.order {
            functions.function(types[function as usize]);
        }
        Ok(())
    }

    fn parse_code_section(
        &mut self,
        code: &mut CodeSection,
        section: CodeSectionReader<'_>,
    ) -> Result<(), Error> {
        let bodies = section.into_iter().collect::<Result<Vec<_>, _>>()?;
        for function in self.order.clone() {
            code.function(&self.write(function as usize, &bodies[function as usize])?);
        }
        Ok(())
    }

    fn parse_custom_section(&mut self, _: &mut Module, _: CustomSectionReader<'_>) -> Result<(), Error> {
        Ok(())
    }
}

/// The numbers of functions in an order in which each has much in common with those before it: from the largest on,
/// always the one that shares most, for its length, with what stands within so many bytes before.
fn alike_together(functions: &[Vec<u8>], within: usize) -> Vec<u32> {
    let mut holders: HashMap<&[u8], Vec<u32>> = HashMap::new();
    for (number, bytes) in functions.iter().enumerate() {
        for stretch in bytes.windows(ALIKE) {
            let holders = holders.entry(stretch).or_default();
            if holders.last() != Some(&(number as u32)) {
                holders.push(number as u32);
            }
        }
    }
    let mut shared = vec![vec![0_u32; functions.len()]; functions.len()];
    for holders in holders.values().filter(|holders| holders.len() <= COMMON) {
        for &one in holders {
            for &other in holders {
                // What few have tells most.
                shared[one as usize][other as usize] += 2000 / holders.len() as u32;
            }
        }
    }

    let mut left: Vec<usize> = (0..functions.len()).collect();
    left.sort_by_key(|&number| functions[number].len());
    let mut order: Vec<u32> = Vec::new();
    let mut in_window = vec![0_u64; functions.len()];
    let (mut window, mut width) = (0, 0);
    while !left.is_empty() {
        let gain = |&number: &usize| in_window[number] * in_window[number] / functions[number].len() as u64;
        // Of those alike the last, which is the largest.
        let place = (0..left.len()).max_by_key(|&place| gain(&left[place])).expect("some are left");
        let next = left.remove(place);
        order.push(next as u32);
        width += functions[next].len();
        in_window.iter_mut().zip(&shared[next]).for_each(|(sum, &shared)| *sum += u64::from(shared));
        while width > within && window + 1 < order.len() {
            let gone = order[window] as usize;
            width -= functions[gone].len();
            in_window.iter_mut().zip(&shared[gone]).for_each(|(sum, &shared)| *sum -= u64::from(shared));
            window += 1;
        }
    }
    order
}

#[cfg(test)]
mod tests {
    use wasm_encoder::{ExportKind, ExportSection, ImportSection, TypeSection};

    use super::*;

    /// A module of functions that are constants and sums of them: each is exported under what it gives.
    fn module() -> Vec<u8> {
        let mut types = TypeSection::new();
        types.ty().function([ValType::I32], [ValType::I32]);
        types.ty().function([], [ValType::I64]);
        let mut imports = ImportSection::new();
        imports.import("page", "answer", wasm_encoder::EntityType::Function(0));
        let (mut functions, mut exports, mut code) =
            (FunctionSection::new(), ExportSection::new(), CodeSection::new());
        let mut add = |name: &str, kind, locals: &[ValType], instructions: &[Instruction<'_>]| {
            functions.function(kind);
            exports.export(name, ExportKind::Func, functions.len());
            let mut function = Function::new_with_locals_types(locals.iter().copied());
            for each in instructions.iter().chain([&Instruction::End]) {
                function.instruction(each);
            }
            code.function(&function);
        };
        add("import called with its parameter", 0, &[], &[Instruction::LocalGet(0), Instruction::Call(0)]);
        add("seven", 1, &[], &[Instruction::I64Const(7)]);
        let variables = [ValType::I64, ValType::F32, ValType::I64, ValType::I32];
        let sum = [
            Instruction::Call(2),
            Instruction::LocalSet(3),
            Instruction::I64Const(1),
            Instruction::LocalTee(1),
            Instruction::LocalGet(3),
            Instruction::LocalGet(3),
            Instruction::I64Add,
            Instruction::I64Add,
            Instruction::I32WrapI64,
        ];
        add("fifteen", 0, &variables, &sum);
        let mut module = Module::new();
        module.section(&types).section(&imports).section(&functions).section(&exports).section(&code);
        module.finish()
    }

    /// What each exported function does, with functions by the names under which they are exported and variables
    /// by their kinds and where they first stand.
    fn told(wasm: &[u8]) -> std::collections::BTreeMap<String, Vec<String>> {
        wasmparser::Validator::new().validate_all(wasm).expect("it is valid");
        let (mut names, mut bodies) = (HashMap::new(), Vec::new());
        for payload in Parser::new(0).parse_all(wasm) {
            match payload.expect("it can be read") {
                Payload::ExportSection(section) => {
                    for export in section {
                        let export = export.expect("it can be read");
                        names.insert(export.index, export.name.to_owned());
                    }
                }
                Payload::CodeSectionEntry(body) => bodies.push(body),
                _ => {}
            }
        }
        let body = |(number, body): (usize, FunctionBody<'_>)| {
            let mut kinds = Vec::new();
            for several in body.get_locals_reader().expect("there are some") {
                let (count, kind) = several.expect("it can be read");
                kinds.resize(kinds.len() + count as usize, kind);
            }
            let own = names[&(number as u32 + 1)].clone();
            let parameters = u32::from(own != "seven");
            let mut met = Vec::new();
            let operators = body.get_operators_reader().expect("there are some").into_iter();
            let tell = |operator: wasmparser::Result<Operator<'_>>| match operator.expect("it can be read") {
                Operator::Call { function_index } => format!("call {:?}", names.get(&function_index)),
                Operator::LocalGet { local_index: variable }
                | Operator::LocalSet { local_index: variable }
                | Operator::LocalTee { local_index: variable } => {
                    let Some(place) = variable.checked_sub(parameters) else { return "parameter".to_owned() };
                    let nth = met.iter().position(|&other| other == variable).unwrap_or(met.len());
                    met.push(variable);
                    format!("variable {nth}: {:?}", kinds[place as usize])
                }
                other => format!("{other:?}"),
            };
            (own, operators.map(tell).collect())
        };
        bodies.into_iter().enumerate().map(body).collect()
    }

    #[test]
    fn what_is_arranged_does_the_same() {
        let before = module();
        let after = arrange(&before).expect("it is a module");
        assert_ne!(before, after);
        assert_eq!(told(&before), told(&after));
        assert_eq!(arrange(&after).expect("it is a module"), after);
    }

    #[test]
    fn what_is_no_module_is_an_error() {
        assert!(arrange(b"<html>").is_err());
        assert!(arrange(&module()[..40]).is_err());
    }

    #[test]
    fn functions_that_are_alike_come_together() {
        let functions =
            [b"aaaaaaaa0123456789".to_vec(), b"bbbbbbbbbbbbbbbbbbbb".to_vec(), b"0123456789".to_vec()];
        assert_eq!(alike_together(&functions, WINDOWS[0]), [1, 0, 2]);
    }
}
