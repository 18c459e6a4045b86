//! Removes what is not part of a result: docs, and code that exists only under `cfg(test)`.

use std::mem;

use proc_macro2::TokenStream;
use quote::ToTokens as _;
use syn::parse::Parser as _;
use syn::punctuated::{Pair, Punctuated};
use syn::visit_mut::{self, VisitMut};
use syn::{Attribute, Expr, FnArg, ForeignItem, GenericParam, ImplItem, Item, Meta, Stmt, Token, TraitItem};

/// The attributes of a node of an enum whose variants all hold them, `Verbatim` aside.
macro_rules! attributes {
    ($node:expr, $kind:ident: $($variant:ident)*) => {
        match $node {
            $($kind::$variant(node) => node.attrs.as_slice(),)*
            _ => &[],
        }
    };
}

/// Whether a node with these attributes is compiled for tests only.
pub(crate) fn test_only(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<Meta>().is_ok_and(|predicate| holds(&predicate) == Some(false))
    })
}

/// The value of a `cfg` predicate in a build that is neither test nor doc build; `None` if it depends on
/// more than that.
fn holds(predicate: &Meta) -> Option<bool> {
    let list = match predicate {
        Meta::Path(path) => {
            let never = ["test", "doc", "doctest"].iter().any(|name| path.is_ident(name));
            return never.then_some(false);
        }
        Meta::NameValue(_) => return None,
        Meta::List(list) => list,
    };
    let parts = list.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated).ok()?;
    let mut values = parts.iter().map(holds);
    if list.path.is_ident("not") {
        return values.next()?.map(|value| !value);
    }
    // `all` is decided by one false part, `any` by one true part
    let decisive = list.path.is_ident("any");
    if !decisive && !list.path.is_ident("all") {
        return None;
    }
    let values: Vec<Option<bool>> = values.collect();
    if values.contains(&Some(decisive)) {
        return Some(decisive);
    }
    if values.contains(&None) { None } else { Some(!decisive) }
}

/// Whether a function is a test (`#[test]`) or an unstable bench.
fn is_test_fn(item: &Item) -> bool {
    let Item::Fn(function) = item else { return false };
    function.attrs.iter().any(|attribute| attribute.path().is_ident("test") || attribute.path().is_ident("bench"))
}

fn keeps_item(item: &Item) -> bool {
    !is_test_fn(item) && !test_only(item_attributes(item))
}

/// The attributes of an item.
pub(crate) fn item_attributes(item: &Item) -> &[Attribute] {
    attributes!(item, Item: Const Enum ExternCrate Fn ForeignMod Impl Macro Mod Static Struct Trait TraitAlias Type
        Union Use)
}

fn expression_attributes(expression: &Expr) -> &[Attribute] {
    attributes!(expression, Expr: Array Assign Async Await Binary Block Break Call Cast Closure Const Continue Field
        ForLoop Group If Index Infer Let Lit Loop Macro Match MethodCall Paren Path Range RawAddr Reference Repeat
        Return Struct Try TryBlock Tuple Unary Unsafe While Yield)
}

/// The attributes of an expression statement, which `syn` gives to the leftmost operand.
fn statement_attributes(expression: &Expr) -> &[Attribute] {
    let mut target = expression;
    loop {
        target = match target {
            Expr::Assign(node) if node.attrs.is_empty() => &node.left,
            Expr::Binary(node) if node.attrs.is_empty() => &node.left,
            Expr::Cast(node) if node.attrs.is_empty() => &node.expr,
            _ => return expression_attributes(target),
        };
    }
}

fn keeps_statement(statement: &Stmt) -> bool {
    match statement {
        Stmt::Local(local) => !test_only(&local.attrs),
        Stmt::Item(item) => keeps_item(item),
        Stmt::Expr(expression, _) => !test_only(statement_attributes(expression)),
        Stmt::Macro(call) => !test_only(&call.attrs),
    }
}

fn retain<T, P>(list: &mut Punctuated<T, P>, keep: impl Fn(&T) -> bool)
where
    P: Default,
{
    if !list.iter().all(&keep) {
        *list = mem::take(list).into_pairs().filter(|pair| keep(pair.value())).map(punctuated).collect();
    }
}

/// Gives every element its separator, so that the last may be removed.
fn punctuated<T, P: Default>(pair: Pair<T, P>) -> Pair<T, P> {
    Pair::Punctuated(pair.into_value(), P::default())
}

fn retain_expressions(list: &mut Punctuated<Expr, Token![,]>) {
    retain(list, |expression| !test_only(expression_attributes(expression)));
}

/// Drops docs; reduces `cfg_attr` to the part that may hold outside tests.
fn retain_attributes(attributes: &mut Vec<Attribute>) {
    attributes.retain_mut(|attribute| {
        if attribute.path().is_ident("doc") {
            return false;
        }
        match &mut attribute.meta {
            Meta::List(list) if list.path.is_ident("cfg_attr") => match conditional(&list.tokens) {
                Some(tokens) if tokens.is_empty() => false,
                Some(tokens) => {
                    list.tokens = tokens;
                    true
                }
                None => true,
            },
            _ => true,
        }
    });
}

/// The arguments of a `cfg_attr` without docs; empty if nothing is left, `None` if they cannot be read.
fn conditional(arguments: &TokenStream) -> Option<TokenStream> {
    let parts = Punctuated::<Meta, Token![,]>::parse_terminated.parse2(arguments.clone()).ok()?;
    let mut parts = parts.into_iter();
    let predicate = parts.next()?;
    let kept: Vec<Meta> = parts.filter(|part| !part.path().is_ident("doc")).collect();
    if holds(&predicate) == Some(false) || kept.is_empty() {
        return Some(TokenStream::new());
    }
    let mut list: Punctuated<Meta, Token![,]> = Punctuated::new();
    list.push(predicate);
    list.extend(kept);
    Some(list.into_token_stream())
}

/// The visitor that removes docs and test code wherever an attribute may stand.
pub(crate) struct Strip;

impl VisitMut for Strip {
    fn visit_attributes_mut(&mut self, attributes: &mut Vec<Attribute>) {
        retain_attributes(attributes);
    }

    fn visit_file_mut(&mut self, file: &mut syn::File) {
        if test_only(&file.attrs) {
            file.items.clear();
        }
        file.items.retain(keeps_item);
        visit_mut::visit_file_mut(self, file);
    }

    fn visit_item_mod_mut(&mut self, module: &mut syn::ItemMod) {
        if let Some((_, items)) = &mut module.content {
            items.retain(keeps_item);
        }
        visit_mut::visit_item_mod_mut(self, module);
    }

    fn visit_item_impl_mut(&mut self, block: &mut syn::ItemImpl) {
        block.items.retain(|item| !test_only(attributes!(item, ImplItem: Const Fn Type Macro)));
        visit_mut::visit_item_impl_mut(self, block);
    }

    fn visit_item_trait_mut(&mut self, block: &mut syn::ItemTrait) {
        block.items.retain(|item| !test_only(attributes!(item, TraitItem: Const Fn Type Macro)));
        visit_mut::visit_item_trait_mut(self, block);
    }

    fn visit_item_foreign_mod_mut(&mut self, block: &mut syn::ItemForeignMod) {
        block.items.retain(|item| !test_only(attributes!(item, ForeignItem: Fn Static Type Macro)));
        visit_mut::visit_item_foreign_mod_mut(self, block);
    }

    fn visit_block_mut(&mut self, block: &mut syn::Block) {
        block.stmts.retain(keeps_statement);
        visit_mut::visit_block_mut(self, block);
    }

    fn visit_item_enum_mut(&mut self, item: &mut syn::ItemEnum) {
        retain(&mut item.variants, |variant| !test_only(&variant.attrs));
        visit_mut::visit_item_enum_mut(self, item);
    }

    fn visit_fields_named_mut(&mut self, fields: &mut syn::FieldsNamed) {
        retain(&mut fields.named, |field| !test_only(&field.attrs));
        visit_mut::visit_fields_named_mut(self, fields);
    }

    fn visit_fields_unnamed_mut(&mut self, fields: &mut syn::FieldsUnnamed) {
        retain(&mut fields.unnamed, |field| !test_only(&field.attrs));
        visit_mut::visit_fields_unnamed_mut(self, fields);
    }

    fn visit_expr_struct_mut(&mut self, value: &mut syn::ExprStruct) {
        retain(&mut value.fields, |field| !test_only(&field.attrs));
        visit_mut::visit_expr_struct_mut(self, value);
    }

    fn visit_pat_struct_mut(&mut self, pattern: &mut syn::PatStruct) {
        retain(&mut pattern.fields, |field| !test_only(&field.attrs));
        visit_mut::visit_pat_struct_mut(self, pattern);
    }

    fn visit_expr_match_mut(&mut self, value: &mut syn::ExprMatch) {
        value.arms.retain(|arm| !test_only(&arm.attrs));
        visit_mut::visit_expr_match_mut(self, value);
    }

    fn visit_signature_mut(&mut self, signature: &mut syn::Signature) {
        retain(&mut signature.inputs, |input| match input {
            FnArg::Receiver(node) => !test_only(&node.attrs),
            FnArg::Typed(node) => !test_only(&node.attrs),
        });
        visit_mut::visit_signature_mut(self, signature);
    }

    fn visit_generics_mut(&mut self, generics: &mut syn::Generics) {
        retain(&mut generics.params, |parameter| match parameter {
            GenericParam::Lifetime(node) => !test_only(&node.attrs),
            GenericParam::Type(node) => !test_only(&node.attrs),
            GenericParam::Const(node) => !test_only(&node.attrs),
        });
        visit_mut::visit_generics_mut(self, generics);
    }

    fn visit_expr_array_mut(&mut self, value: &mut syn::ExprArray) {
        retain_expressions(&mut value.elems);
        visit_mut::visit_expr_array_mut(self, value);
    }

    fn visit_expr_tuple_mut(&mut self, value: &mut syn::ExprTuple) {
        retain_expressions(&mut value.elems);
        visit_mut::visit_expr_tuple_mut(self, value);
    }

    fn visit_expr_call_mut(&mut self, value: &mut syn::ExprCall) {
        retain_expressions(&mut value.args);
        visit_mut::visit_expr_call_mut(self, value);
    }

    fn visit_expr_method_call_mut(&mut self, value: &mut syn::ExprMethodCall) {
        retain_expressions(&mut value.args);
        visit_mut::visit_expr_method_call_mut(self, value);
    }
}
