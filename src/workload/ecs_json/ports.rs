//! The static host ports of a task definition.

use crate::model::{HostPort, NetworkMode, Protocol};

use super::error::{Document, EcsJsonError};
use super::shape::{Container, PortMapping};

/// Static host ports of all containers, ascending and distinct: the host port where it is given in
/// bridge mode, the container's port in host mode, none otherwise.
///
/// # Errors
/// Ports out of range, an unknown protocol, a host port that host or awsvpc mode does not allow.
pub(super) fn static_ports(
    containers: &[Container],
    mode: NetworkMode,
    document: &Document<'_>,
    warnings: &mut Vec<String>,
) -> Result<Vec<HostPort>, EcsJsonError> {
    let mut ports = Vec::new();
    for (index, container) in containers.iter().enumerate() {
        for (number, mapping) in container.port_mappings.iter().flatten().enumerate() {
            let path = format!("containerDefinitions[{index}].portMappings[{number}]");
            if mapping.container_port_range.is_some() {
                warnings.push(format!("{path}.containerPortRange: not modelled"));
                continue;
            }
            let Some(port) = host_port(mapping, mode, &path, document)? else {
                continue;
            };
            if ports.contains(&port) {
                let port = port.port;
                warnings.push(format!("{path}: host port {port} is mapped twice; counted once"));
            } else {
                ports.push(port);
            }
        }
    }
    ports.sort_unstable();
    Ok(ports)
}

/// The host port that one mapping reserves; `None` for a dynamic one or a mode without host ports.
fn host_port(
    mapping: &PortMapping,
    mode: NetworkMode,
    path: &str,
    document: &Document<'_>,
) -> Result<Option<HostPort>, EcsJsonError> {
    let in_range = |key: &str, port: i64, least: u16| match u16::try_from(port) {
        Ok(port) if port >= least => Ok(port),
        _ => {
            let problem = format!("{port} is no port; write {least} to 65535");
            Err(document.refuse(&format!("{path}.{key}"), problem))
        }
    };
    let protocol = match mapping.protocol.as_deref() {
        None | Some("tcp") => Protocol::Tcp,
        Some("udp") => Protocol::Udp,
        Some(other) => {
            let problem = format!("{other:?} is unknown; write tcp or udp");
            return Err(document.refuse(&format!("{path}.protocol"), problem));
        }
    };
    let Some(container_port) = mapping.container_port else {
        return Err(document.refuse(path, "no containerPort; give one of 1 to 65535"));
    };
    let container_port = in_range("containerPort", container_port, 1)?;
    let host_port = mapping.host_port.unwrap_or(0);
    let host_port = in_range("hostPort", host_port, 0)?;
    let fixed = matches!(mode, NetworkMode::Host | NetworkMode::Awsvpc);
    if fixed && host_port != 0 && host_port != container_port {
        let problem = format!(
            "{host_port}, but in host and awsvpc mode it is the containerPort, {container_port}; \
             leave it out"
        );
        return Err(document.refuse(&format!("{path}.hostPort"), problem));
    }
    let port = match mode {
        NetworkMode::Bridge => host_port,
        NetworkMode::Host => container_port,
        NetworkMode::Awsvpc | NetworkMode::None => 0,
    };
    Ok((port != 0).then_some(HostPort { protocol, port }))
}
