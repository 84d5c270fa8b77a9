//! SIP and SDP as text: what a user agent of a few hundred lines needs of RFC 3261.

/// A request or a response.
#[derive(Clone, Debug)]
pub(crate) struct Sip {
    pub(crate) start: String,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Sip {
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let (head, body) = text.split_once("\r\n\r\n")?;
        let mut lines = head.split("\r\n");
        let start = lines.next()?.to_owned();
        let headers = lines
            .map(|l| l.split_once(':').map(|(n, v)| (n.trim().to_ascii_lowercase(), v.trim().to_owned())))
            .collect::<Option<_>>()?;
        Some(Self { start, headers, body: body.to_owned() })
    }

    pub(crate) fn method(&self) -> &str {
        self.start.split(' ').next().unwrap_or_default()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(n, _)| n == name).map_or("", |(_, v)| v)
    }

    pub(crate) fn to_tag(&self) -> Option<&str> {
        self.header("to").split_once(";tag=").map(|(_, tag)| tag)
    }

    /// The number in front of the method.
    pub(crate) fn cseq(&self) -> &str {
        self.header("cseq").split(' ').next().unwrap_or_default()
    }

    /// The response to this request (RFC 3261 section 8.2.6): its route back, its names, its number.
    pub(crate) fn respond(&self, status: &str, tag: &str, port: u16, sdp: Option<&str>) -> String {
        let mut out = format!("SIP/2.0 {status}\r\n");
        for (name, value) in &self.headers {
            let tagged = name == "to" && self.to_tag().is_none();
            if ["via", "record-route", "from", "to", "call-id", "cseq"].contains(&name.as_str()) {
                out += &format!("{name}: {value}{}\r\n", if tagged { format!(";tag={tag}") } else { String::new() });
            }
        }
        out += &format!("Contact: <sip:agent@127.0.0.1:{port}>\r\n");
        if sdp.is_some() {
            out += "Content-Type: application/sdp\r\n";
        }
        let body = sdp.unwrap_or_default();
        out + &format!("Content-Length: {}\r\n\r\n{body}", body.len())
    }
}

/// A description with one audio medium, and `line` at session level.
pub(crate) fn sdp(line: &str, port: u16) -> String {
    format!(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n{line}\r\nm=audio {port} RTP/SAVP 0\r\n\
         a=rtpmap:0 PCMU/8000\r\n"
    )
}
