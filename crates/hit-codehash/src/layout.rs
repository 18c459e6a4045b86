//! Undoes what rustfmt decides, so that formatting does not change a digest.
//!
//! rustfmt changes more than white space. It adds and removes trailing commas, the braces around the
//! body of a match arm or closure and the `;` after a final `return`; it sorts and unnests `use`,
//! sorts `mod name;`, merges `#[derive]`s and drops nested parentheses, empty statements, `-> ()` and
//! a leading `|`. Each of these is brought to one form here, also in the arguments of macros and in the
//! bodies of `macro_rules!` where rustfmt can read those.

use proc_macro2::{Delimiter, Group, Ident, TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::parse::{ParseStream, Parser as _};
use syn::visit_mut::{self, VisitMut};
use syn::{Block, Expr, Item, MacroDelimiter, Meta, Pat, ReturnType, Stmt, Token, Type, UseTree, Visibility};

use crate::strip::{self, Strip};
use crate::tokens::text_of;

/// Stands for the `$` of a metavariable while the body of a macro is read as ordinary code.
const METAVARIABLE: &str = "__hitrepro_metavariable_";

/// The visitor that brings code to the one form.
pub(crate) struct Layout;

impl Layout {
    /// Whether `name` stands for a `$name` of a `macro_rules!` body.
    pub(crate) fn is_metavariable(name: &Ident) -> bool {
        name.to_string().starts_with(METAVARIABLE)
    }
}

/// Implements visitors that drop the trailing separator of lists.
macro_rules! no_trailing {
    ($($visit:ident($kind:ident): $($field:ident),*;)*) => {
        $(
            fn $visit(&mut self, node: &mut syn::$kind) {
                visit_mut::$visit(self, node);
                $(node.$field.pop_punct();)*
            }
        )*
    };
}

impl VisitMut for Layout {
    no_trailing! {
        visit_angle_bracketed_generic_arguments_mut(AngleBracketedGenericArguments): args;
        visit_bound_lifetimes_mut(BoundLifetimes): lifetimes;
        visit_constraint_mut(Constraint): bounds;
        visit_expr_array_mut(ExprArray): elems;
        visit_expr_call_mut(ExprCall): args;
        visit_expr_method_call_mut(ExprMethodCall): args;
        visit_expr_tuple_mut(ExprTuple): elems;
        visit_fields_named_mut(FieldsNamed): named;
        visit_fields_unnamed_mut(FieldsUnnamed): unnamed;
        visit_item_enum_mut(ItemEnum): variants;
        visit_item_trait_mut(ItemTrait): supertraits;
        visit_lifetime_param_mut(LifetimeParam): bounds;
        visit_parenthesized_generic_arguments_mut(ParenthesizedGenericArguments): inputs;
        visit_pat_slice_mut(PatSlice): elems;
        visit_pat_tuple_mut(PatTuple): elems;
        visit_pat_tuple_struct_mut(PatTupleStruct): elems;
        visit_precise_capture_mut(PreciseCapture): params;
        visit_predicate_lifetime_mut(PredicateLifetime): bounds;
        visit_predicate_type_mut(PredicateType): bounds;
        visit_trait_item_type_mut(TraitItemType): bounds;
        visit_type_impl_trait_mut(TypeImplTrait): bounds;
        visit_type_param_mut(TypeParam): bounds;
        visit_type_trait_object_mut(TypeTraitObject): bounds;
        visit_type_tuple_mut(TypeTuple): elems;
        visit_where_clause_mut(WhereClause): predicates;
    }

    fn visit_file_mut(&mut self, file: &mut syn::File) {
        visit_mut::visit_file_mut(self, file);
        sort_runs(&mut file.items, item_run);
    }

    fn visit_item_mut(&mut self, item: &mut Item) {
        visit_mut::visit_item_mut(self, item);
        // a function without a body, in the arguments of a macro
        if let Item::Verbatim(tokens) = item
            && let Ok(same) = declarations.parse2(tokens.clone())
        {
            *tokens = same;
        }
    }

    fn visit_item_mod_mut(&mut self, module: &mut syn::ItemMod) {
        visit_mut::visit_item_mod_mut(self, module);
        if let Some((_, items)) = &mut module.content {
            sort_runs(items, item_run);
        }
    }

    fn visit_block_mut(&mut self, block: &mut Block) {
        visit_mut::visit_block_mut(self, block);
        block.stmts.retain(|statement| !matches!(statement, Stmt::Expr(Expr::Verbatim(empty), _) if empty.is_empty()));
        if let Some(Stmt::Expr(Expr::Return(_) | Expr::Break(_) | Expr::Continue(_), semicolon)) =
            block.stmts.last_mut()
        {
            *semicolon = None;
        }
        sort_runs(&mut block.stmts, |statement| match statement {
            Stmt::Item(item) => item_run(item),
            _ => None,
        });
    }

    fn visit_arm_mut(&mut self, arm: &mut syn::Arm) {
        visit_mut::visit_arm_mut(self, arm);
        unwrap_block(&mut arm.body);
        arm.comma = Some(Token![,](arm.fat_arrow_token.spans[0]));
    }

    fn visit_expr_closure_mut(&mut self, closure: &mut syn::ExprClosure) {
        visit_mut::visit_expr_closure_mut(self, closure);
        closure.inputs.pop_punct();
        if matches!(closure.output, ReturnType::Default) {
            unwrap_block(&mut closure.body);
        }
    }

    fn visit_expr_mut(&mut self, expression: &mut Expr) {
        visit_mut::visit_expr_mut(self, expression);
        if let Expr::Paren(outer) = expression
            && matches!(*outer.expr, Expr::Paren(_))
            && outer.attrs.is_empty()
        {
            *expression = take(&mut outer.expr);
        }
    }

    fn visit_expr_struct_mut(&mut self, value: &mut syn::ExprStruct) {
        visit_mut::visit_expr_struct_mut(self, value);
        if value.dot2_token.is_none() {
            value.fields.pop_punct();
        }
    }

    fn visit_pat_struct_mut(&mut self, pattern: &mut syn::PatStruct) {
        visit_mut::visit_pat_struct_mut(self, pattern);
        if pattern.rest.is_none() {
            pattern.fields.pop_punct();
        }
    }

    fn visit_pat_mut(&mut self, pattern: &mut Pat) {
        visit_mut::visit_pat_mut(self, pattern);
        if let Pat::Or(alternatives) = pattern {
            alternatives.leading_vert = None;
            if alternatives.cases.len() == 1
                && let Some(only) = alternatives.cases.pop()
            {
                *pattern = only.into_value();
            }
        }
    }

    fn visit_signature_mut(&mut self, signature: &mut syn::Signature) {
        visit_mut::visit_signature_mut(self, signature);
        if signature.variadic.is_none() {
            signature.inputs.pop_punct();
        }
        drop_unit(&mut signature.output);
    }

    fn visit_type_bare_fn_mut(&mut self, function: &mut syn::TypeBareFn) {
        visit_mut::visit_type_bare_fn_mut(self, function);
        if function.variadic.is_none() {
            function.inputs.pop_punct();
        }
    }

    fn visit_abi_mut(&mut self, abi: &mut syn::Abi) {
        abi.name.get_or_insert_with(|| syn::LitStr::new("C", abi.extern_token.span));
    }

    fn visit_generics_mut(&mut self, generics: &mut syn::Generics) {
        visit_mut::visit_generics_mut(self, generics);
        generics.params.pop_punct();
        if generics.params.is_empty() {
            (generics.lt_token, generics.gt_token) = (None, None);
        }
        if generics.where_clause.as_ref().is_some_and(|clause| clause.predicates.is_empty()) {
            generics.where_clause = None;
        }
    }

    fn visit_visibility_mut(&mut self, visibility: &mut Visibility) {
        visit_mut::visit_visibility_mut(self, visibility);
        if let Visibility::Restricted(restricted) = visibility
            && ["crate", "self", "super"].iter().any(|name| restricted.path.is_ident(name))
        {
            restricted.in_token = None;
        }
    }

    fn visit_item_use_mut(&mut self, item: &mut syn::ItemUse) {
        visit_mut::visit_item_use_mut(self, item);
        flatten_use(&mut item.tree);
    }

    fn visit_attributes_mut(&mut self, attributes: &mut Vec<syn::Attribute>) {
        for attribute in &mut *attributes {
            if let Meta::List(list) = &mut attribute.meta {
                list.tokens = without_trailing_commas(list.tokens.clone());
            }
        }
        attributes.dedup_by(|next, previous| merge_derives(previous, next));
    }

    fn visit_item_macro_mut(&mut self, item: &mut syn::ItemMacro) {
        visit_mut::visit_item_macro_mut(self, item);
        if item.mac.path.is_ident("macro_rules") {
            item.semi_token = None;
        }
    }

    fn visit_macro_mut(&mut self, call: &mut syn::Macro) {
        visit_mut::visit_macro_mut(self, call);
        if call.path.is_ident("macro_rules") {
            if let Some(tokens) = rules(call.tokens.clone()) {
                call.tokens = tokens;
                call.delimiter = MacroDelimiter::Brace(syn::token::Brace::default());
            }
            return;
        }
        // rustfmt leaves what stands in braces alone
        if matches!(call.delimiter, MacroDelimiter::Brace(_)) {
            return;
        }
        let stream = std::mem::take(&mut call.tokens);
        call.tokens = arguments
            .parse2(stream.clone())
            .or_else(|_| declarations.parse2(stream.clone()))
            .unwrap_or_else(|_| without_call_commas(stream));
        if call.path.is_ident("vec") {
            call.delimiter = MacroDelimiter::Bracket(syn::token::Bracket::default());
            call.tokens = without_last_comma(std::mem::take(&mut call.tokens)).into_iter().collect();
        }
    }
}

/// Replaces `{ expression }` by `expression`.
fn unwrap_block(body: &mut Expr) {
    while let Expr::Block(block) = body
        && block.attrs.is_empty()
        && block.label.is_none()
        && let [only] = block.block.stmts.as_mut_slice()
    {
        let inner = match only {
            Stmt::Expr(expression, None) => take(expression),
            Stmt::Macro(call) if call.semi_token.is_none() => call_expression(call),
            _ => return,
        };
        *body = inner;
    }
}

/// Moves an expression out of its place.
fn take(place: &mut Expr) -> Expr {
    std::mem::replace(place, Expr::Verbatim(TokenStream::new()))
}

/// A macro call that is a statement, as an expression.
fn call_expression(call: &mut syn::StmtMacro) -> Expr {
    let mac = syn::Macro {
        path: std::mem::replace(&mut call.mac.path, Ident::new("moved", proc_macro2::Span::call_site()).into()),
        bang_token: <Token![!]>::default(),
        delimiter: std::mem::replace(&mut call.mac.delimiter, MacroDelimiter::Brace(syn::token::Brace::default())),
        tokens: std::mem::take(&mut call.mac.tokens),
    };
    Expr::Macro(syn::ExprMacro { attrs: std::mem::take(&mut call.attrs), mac })
}

fn drop_unit(output: &mut ReturnType) {
    if let ReturnType::Type(_, kind) = output
        && matches!(&**kind, Type::Tuple(tuple) if tuple.elems.is_empty())
    {
        *output = ReturnType::Default;
    }
}

/// What rustfmt sorts, in runs of one kind: the order of these has no meaning to the compiler.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Run {
    Use,
    ExternCrate,
    Mod,
}

fn item_run(item: &Item) -> Option<Run> {
    match item {
        Item::Use(_) => Some(Run::Use),
        Item::ExternCrate(_) => Some(Run::ExternCrate),
        Item::Mod(module) if module.content.is_none() => Some(Run::Mod),
        _ => None,
    }
    // the macros of a `#[macro_use]` are in scope for what follows it
    .filter(|_| !strip::item_attributes(item).iter().any(|attribute| attribute.path().is_ident("macro_use")))
}

fn sort_runs<T: quote::ToTokens>(list: &mut [T], kind: impl Fn(&T) -> Option<Run>) {
    for run in list.chunk_by_mut(|left, right| kind(left).is_some() && kind(left) == kind(right)) {
        if run.len() > 1 {
            run.sort_by_cached_key(text_of);
        }
    }
}

/// `a::{b}` to `a::b`, `{a, {b, c}}` to `{a, b, c}`, sorted.
fn flatten_use(tree: &mut UseTree) {
    match tree {
        UseTree::Path(path) => flatten_use(&mut path.tree),
        UseTree::Group(group) => {
            let mut items = Vec::new();
            for mut item in std::mem::take(&mut group.items) {
                flatten_use(&mut item);
                match item {
                    UseTree::Group(inner) => items.extend(inner.items),
                    item => items.push(item),
                }
            }
            items.sort_by_cached_key(text_of);
            if items.len() == 1 && !is_self(&items[0]) {
                *tree = items.swap_remove(0);
            } else {
                group.items = items.into_iter().collect();
            }
        }
        _ => {}
    }
}

/// `{self}` imports a type namespace only, so it is not the same as the path without braces.
fn is_self(tree: &UseTree) -> bool {
    match tree {
        UseTree::Name(name) => name.ident == "self",
        UseTree::Rename(rename) => rename.ident == "self",
        _ => false,
    }
}

/// Moves the traits of `next` into `previous` if both are `#[derive]`.
fn merge_derives(previous: &mut syn::Attribute, next: &mut syn::Attribute) -> bool {
    let (Meta::List(first), Meta::List(second)) = (&mut previous.meta, &next.meta) else { return false };
    if !first.path.is_ident("derive") || !second.path.is_ident("derive") {
        return false;
    }
    if !first.tokens.is_empty() && !second.tokens.is_empty() {
        first.tokens.extend(Token![,](proc_macro2::Span::call_site()).into_token_stream());
    }
    first.tokens.extend(second.tokens.clone());
    true
}

/// Removes the comma before each closing delimiter.
fn without_trailing_commas(stream: TokenStream) -> TokenStream {
    let inner = |tree| match tree {
        TokenTree::Group(group) => {
            TokenTree::Group(Group::new(group.delimiter(), without_trailing_commas(group.stream())))
        }
        tree => tree,
    };
    without_last_comma(stream).into_iter().map(inner).collect()
}

fn without_last_comma(stream: TokenStream) -> Vec<TokenTree> {
    let mut trees: Vec<TokenTree> = stream.into_iter().collect();
    if matches!(trees.last(), Some(TokenTree::Punct(punct)) if punct.as_char() == ',') {
        trees.pop();
    }
    trees
}

/// Removes the last comma of parentheses that follow a name, in the arguments of a macro that are of no
/// known form: rustfmt also formats signatures of functions there. A tuple never follows a name.
fn without_call_commas(stream: TokenStream) -> TokenStream {
    let mut after_name = false;
    let inner = |tree| {
        let tree = match tree {
            TokenTree::Group(group) => {
                let mut stream = without_call_commas(group.stream());
                if after_name && group.delimiter() == Delimiter::Parenthesis {
                    stream = without_last_comma(stream).into_iter().collect();
                }
                TokenTree::Group(Group::new(group.delimiter(), stream))
            }
            tree => tree,
        };
        // keywords are no names to `syn`
        after_name = syn::parse2::<Ident>(tree.clone().into()).is_ok();
        tree
    };
    stream.into_iter().map(inner).collect()
}

/// Reads the arguments of a macro as rustfmt does: expressions, types or patterns between `,` or `;`.
///
/// The last separator is kept: macros may tell it apart, so rustfmt keeps it too.
fn arguments(input: ParseStream) -> syn::Result<TokenStream> {
    let mut tokens = TokenStream::new();
    while !input.is_empty() {
        argument(input)?.to_tokens(&mut tokens);
        if input.peek(Token![,]) {
            input.parse::<Token![,]>()?.to_tokens(&mut tokens);
        } else if input.peek(Token![;]) {
            input.parse::<Token![;]>()?.to_tokens(&mut tokens);
        }
    }
    Ok(tokens)
}

fn argument(input: ParseStream) -> syn::Result<TokenStream> {
    let ends = |ahead: ParseStream| ahead.is_empty() || ahead.peek(Token![,]) || ahead.peek(Token![;]);
    macro_rules! attempt {
        ($parse:expr, $visit:ident) => {
            let ahead = input.fork();
            if let Ok(mut node) = $parse(&ahead)
                && ends(&ahead)
            {
                syn::parse::discouraged::Speculative::advance_to(input, &ahead);
                Strip.$visit(&mut node);
                Layout.$visit(&mut node);
                return Ok(node.into_token_stream());
            }
        };
    }
    attempt!(|ahead: ParseStream| ahead.parse::<Expr>(), visit_expr_mut);
    attempt!(|ahead: ParseStream| ahead.parse::<Type>(), visit_type_mut);
    attempt!(Pat::parse_multi_with_leading_vert, visit_pat_mut);
    Err(input.error("neither expression, type nor pattern"))
}

/// Reads items as a trait has them: functions need no body.
fn declarations(input: ParseStream) -> syn::Result<TokenStream> {
    let mut tokens = TokenStream::new();
    while !input.is_empty() {
        let mut item: syn::TraitItem = input.parse()?;
        Strip.visit_trait_item_mut(&mut item);
        Layout.visit_trait_item_mut(&mut item);
        item.to_tokens(&mut tokens);
    }
    Ok(tokens)
}

/// Brings `(matcher) => {body};` rules to one form; `None` if they cannot be told apart.
fn rules(stream: TokenStream) -> Option<TokenStream> {
    let mut tokens = TokenStream::new();
    let mut trees = stream.into_iter().peekable();
    while let Some(TokenTree::Group(matcher)) = trees.next() {
        let arrow = [trees.next()?, trees.next()?];
        let TokenTree::Group(body) = trees.next()? else { return None };
        tokens.extend([TokenTree::Group(Group::new(Delimiter::Parenthesis, matcher.stream()))]);
        tokens.extend(arrow);
        tokens.extend([TokenTree::Group(Group::new(Delimiter::Brace, macro_body(body.stream())))]);
        Token![;](proc_macro2::Span::call_site()).to_tokens(&mut tokens);
        match trees.next() {
            None => return Some(tokens),
            Some(TokenTree::Punct(punct)) if punct.as_char() == ';' => {}
            Some(_) => return None,
        }
        if trees.peek().is_none() {
            return Some(tokens);
        }
    }
    None
}

/// The body of a macro rule; as it stands if it repeats something or is no list of statements.
fn macro_body(body: TokenStream) -> TokenStream {
    let Some(ordinary) = without_metavariables(body.clone()) else { return body };
    let Ok(stmts) = Block::parse_within.parse2(ordinary) else { return body };
    let mut block = Block { brace_token: syn::token::Brace::default(), stmts };
    Strip.visit_block_mut(&mut block);
    Layout.visit_block_mut(&mut block);
    block.stmts.iter().map(quote::ToTokens::to_token_stream).collect()
}

/// Replaces each `$name` by one identifier; `None` if there is a repetition `$( .. )`.
fn without_metavariables(stream: TokenStream) -> Option<TokenStream> {
    let mut replaced = TokenStream::new();
    let mut trees = stream.into_iter();
    while let Some(tree) = trees.next() {
        let tree = match tree {
            TokenTree::Punct(punct) if punct.as_char() == '$' => {
                let TokenTree::Ident(name) = trees.next()? else { return None };
                TokenTree::Ident(Ident::new(&format!("{METAVARIABLE}{name}"), name.span()))
            }
            TokenTree::Group(group) => {
                TokenTree::Group(Group::new(group.delimiter(), without_metavariables(group.stream())?))
            }
            tree => tree,
        };
        replaced.extend([tree]);
    }
    Some(replaced)
}
