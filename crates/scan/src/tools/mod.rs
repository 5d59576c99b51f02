//! Tools of generative AI: where prompts and answers stand in what such tools send, as data.
//!
//! Each tool is a text, an *adapter*, in `data/tools/`; `docs/ai-tools.md` has the format. An
//! adapter says which requests carry a prompt, where in the body the prompt stands and where in
//! the answer the answer, what tells that somebody uses the tool without signing in, and how a
//! request names the workspace it is for. What no adapter knows is read in the generic way
//! ([`crate::PageScan`]); what one knows is read both ways.

mod adapter;
mod excerpt;
mod extract;
mod form;
mod glob;
mod json;
mod parse;
mod place;
mod scan;
mod set;
mod socket;

pub use adapter::{Exchange, REFUSAL_MAX, Sign, Tool, Way, has_cookie, has_query};
pub use excerpt::{EXCERPT_BYTES_MAX, excerpt};
pub use extract::{Extract, Said};
pub use parse::{TOOL_BYTES_MAX, ToolProblem};
pub use place::PLACES_MAX;
pub use scan::{PROMPT_BYTES_MAX, ToolScan};
pub use set::{Found, LiveTools, TOOLS_MAX, Tools, ToolsError};
pub use socket::SocketScan;
