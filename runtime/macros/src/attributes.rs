//! From a function to one that runs it on a runtime.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{Error, Expr, ExprLit, ItemFn, Lit, MetaNameValue, Token, parse2};

/// The settings that are texts: each is a call of the same name.
const TEXTS: [&str; 6] = ["address", "config", "driver", "engine", "gateway", "interface"];

pub(crate) fn main(arguments: TokenStream, item: TokenStream) -> Result<TokenStream, Error> {
    let function = function(item, "#[corelane::main]")?;
    if let Some(input) = function.sig.inputs.first() {
        return Err(Error::new_spanned(input, "`main` takes no arguments"));
    }
    let settings = settings(arguments)?;
    let body = &function.block;
    let (run, body) = match function.sig.asyncness {
        Some(_) => (quote!(main), quote!(async #body)),
        None => (quote!(main_inside), quote!(|| #body)),
    };
    let call = quote!(::corelane::attributes::#run(::corelane::attributes::Main::new() #settings, #body));
    Ok(replace_body(&function, &call))
}

pub(crate) fn test(arguments: TokenStream, item: TokenStream) -> Result<TokenStream, Error> {
    let function = function(item, "#[corelane::test]")?;
    if function.sig.asyncness.is_none() {
        let message = "#[corelane::test] is for an async function: write `async fn`";
        return Err(Error::new_spanned(function.sig.fn_token, message));
    }
    if !arguments.is_empty() {
        return Err(Error::new_spanned(arguments, "#[corelane::test] takes no settings"));
    }
    let inputs = &function.sig.inputs;
    if let Some(second) = inputs.iter().nth(1) {
        return Err(Error::new_spanned(
            second,
            "a test takes one argument at most: a `corelane::testing::Peer`",
        ));
    }
    let peer = match inputs.first() {
        Some(input) => input.to_token_stream(),
        None => quote!(_: ::corelane::testing::Peer),
    };
    let body = &function.block;
    let mut function = function.clone();
    function.sig.inputs.clear();
    let run = replace_body(&function, &quote!(::corelane::testing::run(move |#peer| async move #body)));
    Ok(quote! {
        #[::core::prelude::v1::test]
        #run
    })
}

fn function(item: TokenStream, attribute: &str) -> Result<ItemFn, Error> {
    let function: ItemFn = parse2(item)?;
    if !function.sig.generics.params.is_empty() {
        return Err(Error::new_spanned(&function.sig.generics, format!("{attribute}: it can't be generic")));
    }
    Ok(function)
}

/// The function without `async`, with another body.
fn replace_body(function: &ItemFn, body: &TokenStream) -> TokenStream {
    let ItemFn { attrs, vis, sig, .. } = function;
    let mut sig = sig.clone();
    sig.asyncness = None;
    quote! {
        #(#attrs)* #vis #sig { #body }
    }
}

/// `cores = 2, driver = "tap"` -> `.workers(2).driver("tap")`.
fn settings(arguments: TokenStream) -> Result<TokenStream, Error> {
    let mut calls = TokenStream::new();
    for setting in Punctuated::<MetaNameValue, Token![,]>::parse_terminated.parse2(arguments)? {
        let name = setting.path.require_ident()?;
        let value = &setting.value;
        let call = match name.to_string().as_str() {
            "cores" => match value {
                Expr::Array(_) => quote!(.cores(&#value)),
                Expr::Lit(ExprLit { lit: Lit::Int(_), .. }) => quote!(.workers(#value)),
                _ => {
                    return Err(Error::new_spanned(
                        value,
                        "give a number of cores, or a list such as [0, 2]",
                    ));
                }
            },
            text if TEXTS.contains(&text) => match value {
                Expr::Lit(ExprLit { lit: Lit::Str(_), .. }) => quote!(.#name(#value)),
                _ => return Err(Error::new_spanned(value, "give a text")),
            },
            _ => {
                let message = format!("unknown setting: use cores, {}", TEXTS.join(", "));
                return Err(Error::new_spanned(name, message));
            }
        };
        calls.extend(call);
    }
    Ok(calls)
}

#[cfg(test)]
mod tests;
