//! What is printed when the gateway is ready.

use std::fmt;
use std::net::SocketAddr;

use super::address::reachable;
use super::state::Tokens;

#[derive(Debug)]
pub(super) struct Banner<'a> {
    pub(super) listen: SocketAddr,
    pub(super) tokens: &'a Tokens,
    /// Whether the built-in simulator answers.
    pub(super) simulated: bool,
}

impl fmt::Display for Banner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = format!("http://{}", reachable(self.listen));
        let Tokens { virtual_key, admin_token } = self.tokens;
        let message = r#""messages": [{"role": "user", "content": "Say hello."}]"#;
        writeln!(f)?;
        writeln!(f, "Ditto Gateway is ready.")?;
        writeln!(f)?;
        writeln!(f, "  Address      {url}")?;
        writeln!(f, "  Virtual key  {virtual_key}")?;
        writeln!(f, "  Admin token  {admin_token}")?;
        writeln!(f)?;
        writeln!(f, "Ask something:")?;
        writeln!(f)?;
        writeln!(f, "curl {url}/v1/chat/completions \\")?;
        writeln!(f, "  -H 'Authorization: Bearer {virtual_key}' -H 'Content-Type: application/json' \\")?;
        writeln!(f, "  -d '{{\"model\": \"gpt-4o-mini\", {message}}}'")?;
        writeln!(f)?;
        writeln!(f, "As a stream:")?;
        writeln!(f)?;
        writeln!(f, "curl -N {url}/v1/chat/completions \\")?;
        writeln!(f, "  -H 'Authorization: Bearer {virtual_key}' -H 'Content-Type: application/json' \\")?;
        writeln!(f, "  -d '{{\"model\": \"gpt-4o-mini\", \"stream\": true, {message}}}'")?;
        writeln!(f)?;
        writeln!(f, "From Python (after pip install openai):")?;
        writeln!(f)?;
        // Without indentation, which Python would take for a mistake.
        writeln!(f, "python3 - <<'END'")?;
        writeln!(f, "from openai import OpenAI")?;
        writeln!(f, "client = OpenAI(base_url=\"{url}/v1\", api_key=\"{virtual_key}\")")?;
        writeln!(f, "messages = [{{\"role\": \"user\", \"content\": \"Say hello.\"}}]")?;
        writeln!(f, "reply = client.chat.completions.create(model=\"gpt-4o-mini\", messages=messages)")?;
        writeln!(f, "print(reply.choices[0].message.content)")?;
        writeln!(f, "END")?;
        writeln!(f)?;
        writeln!(f, "See the virtual keys as their administrator:")?;
        writeln!(f)?;
        writeln!(f, "curl {url}/admin/keys -H 'Authorization: Bearer {admin_token}'")?;
        writeln!(f)?;
        if self.simulated {
            writeln!(f, "The answers are computed by the simulator: start with OPENAI_API_KEY set to get real ones.")?;
        }
        write!(f, "Ctrl-C stops everything.")
    }
}
