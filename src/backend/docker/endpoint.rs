//! Where a Docker Engine is reached, and why it is not.

use std::fmt;
use std::str::FromStr;

/// The address of a Docker Engine: `unix:///path` or `tcp://host:port`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint(String);

impl Endpoint {
    /// Where Docker listens unless told otherwise.
    pub const DEFAULT: &'static str = "unix:///var/run/docker.sock";

    /// Reads an address.
    ///
    /// # Errors
    ///
    /// [`EngineError::Endpoint`] for a scheme that is not built in, and for an address without a
    /// path or port.
    pub fn parse(text: &str) -> Result<Endpoint, EngineError> {
        let wrong = |why: &str| {
            Err(EngineError::Endpoint { endpoint: text.to_owned(), why: why.to_owned() })
        };
        if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return wrong("an address has no blanks");
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            return wrong("no scheme: write unix:///path/to.sock or tcp://host:2375");
        };
        match scheme {
            "unix" if rest.starts_with('/') => Ok(Endpoint(text.to_owned())),
            "unix" => wrong("the path is absolute: unix:///var/run/docker.sock"),
            "tcp" | "http" => {
                let rest = rest.trim_end_matches('/');
                let port = rest.rsplit_once(':').filter(|(host, _)| !host.is_empty());
                match port.map(|(_, port)| port.parse::<u16>()) {
                    Some(Ok(port)) if port > 0 => Ok(Endpoint(format!("tcp://{rest}"))),
                    _ => wrong("host and port are needed: tcp://host:2375"),
                }
            }
            "ssh" => wrong(
                "ssh is not built in; forward the socket instead: \
                 ssh -nNT -L /path/to.sock:/var/run/docker.sock host, then unix:///path/to.sock",
            ),
            "https" => wrong("TLS is not built in; forward the socket with ssh -L instead"),
            _ => wrong("an unknown scheme: unix:// and tcp:// are built in"),
        }
    }

    /// The endpoint of the environment variable `DOCKER_HOST`, or else the default.
    ///
    /// # Errors
    ///
    /// As [`Endpoint::parse`].
    pub fn of_environment() -> Result<Endpoint, EngineError> {
        let host = std::env::var("DOCKER_HOST").ok().filter(|host| !host.is_empty());
        Endpoint::parse(host.as_deref().unwrap_or(Endpoint::DEFAULT))
    }

    /// The address as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the engine is on this machine, so that its cgroups are this machine's: a Unix socket
    /// (which may be forwarded, but then its cgroups are not found) or a loopback address.
    pub fn is_local(&self) -> bool {
        let Some(rest) = self.0.strip_prefix("tcp://") else {
            return true;
        };
        let host = rest.rsplit_once(':').map_or(rest, |(host, _)| host);
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let address = host.parse::<std::net::IpAddr>();
        host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Endpoint {
    type Err = EngineError;

    fn from_str(text: &str) -> Result<Endpoint, EngineError> {
        Endpoint::parse(text)
    }
}

/// What went wrong with an engine, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// An address that cannot be one.
    #[error("endpoint '{endpoint}': {why}")]
    Endpoint {
        /// As written.
        endpoint: String,
        /// What is wrong, and what to write.
        why: String,
    },
    /// Nothing there answers like a Docker Engine.
    #[error(
        "no Docker Engine answers at {endpoint}: {why}; start one there (dockerd, or \
         systemctl start docker), or name another endpoint"
    )]
    Unreachable {
        /// The address tried.
        endpoint: String,
        /// What happened.
        why: String,
    },
    /// The engine refused or did not finish an operation.
    #[error("{endpoint}: {operation}: {why}")]
    Call {
        /// The address.
        endpoint: String,
        /// What was asked.
        operation: &'static str,
        /// What the engine said.
        why: String,
    },
    /// The workload image cannot be made of this executable.
    #[error("workload image: {0}")]
    Image(String),
    /// A run's name that cannot be a label and a cgroup.
    #[error("run '{0}': 1 to 32 lower-case letters and digits, because it names cgroups too")]
    Run(String),
}

#[cfg(test)]
mod tests {
    use super::Endpoint;

    #[test]
    fn what_is_built_in_is_taken_and_the_rest_refused_with_a_remedy() {
        for text in ["unix:///var/run/docker.sock", "tcp://h:2375", "tcp://[::1]:2375"] {
            assert_eq!(Endpoint::parse(text).unwrap().as_str(), text);
        }
        assert_eq!(Endpoint::parse("http://h:1/").unwrap().as_str(), "tcp://h:1");
        for (text, remedy) in [
            ("ssh://user@host", "ssh -nNT -L"),
            ("https://h:2376", "TLS is not built in"),
            ("unix://docker.sock", "the path is absolute"),
            ("tcp://h", "host and port"),
            ("tcp://:1", "host and port"),
            ("tcp://h:0", "host and port"),
            ("tcp://h:70000", "host and port"),
            ("/var/run/docker.sock", "no scheme"),
            ("npipe:////./pipe/docker", "unknown scheme"),
            ("unix:///a b", "blanks"),
        ] {
            let why = Endpoint::parse(text).unwrap_err().to_string();
            assert!(why.contains(remedy) && why.contains(text), "{why}");
        }
    }

    #[test]
    fn loopback_and_sockets_are_local() {
        let local = |text: &str| Endpoint::parse(text).unwrap().is_local();
        assert!(local("unix:///var/run/docker.sock") && local("tcp://127.0.0.1:2375"));
        assert!(local("tcp://localhost:2375") && local("tcp://[::1]:2375"));
        assert!(!local("tcp://10.0.0.7:2375") && !local("tcp://localhost.example.org:2375"));
    }
}
