use serde::Deserialize;
use serde_json::{json, Value};
use std::io::{BufRead, Write};

#[derive(Deserialize, Debug, Clone, Default)]
#[serde(default, rename_all = "kebab-case")]
struct Rule { match_regex: String, match_type: String, rewrite_name: String, action: String }

#[derive(Deserialize, Debug, Clone)]
#[serde(default, rename_all = "kebab-case")]
struct Cfg {
    os_proc_sync_enabled: bool,
    os_proc_sync_tagged_only: bool,
    os_proc_root: String,
    os_proc_socket_sync_interval: u32,
    os_proc_socket_min_lifetime: u32,
    os_app_tag_exec: Vec<String>,
    os_app_tag_exec_user: String,
    os_proc_regex: Vec<Rule>,
}
impl Default for Cfg { fn default() -> Self { Cfg {
    os_proc_sync_enabled: false, os_proc_sync_tagged_only: false, os_proc_root: "/proc".into(),
    os_proc_socket_sync_interval: 10, os_proc_socket_min_lifetime: 3, os_app_tag_exec: vec![],
    os_app_tag_exec_user: "deepflow".into(),
    os_proc_regex: vec![Rule{match_regex: ".*".into(), match_type: "process_name".into(), rewrite_name: "".into(), action: "accept".into()}],
}}}
#[derive(Deserialize, Debug, Clone, Default)]
#[serde(default)]
struct Outer { static_config: Cfg }

#[derive(Deserialize, Debug, Clone)]
struct Tag { key: String, value: String }
#[derive(Deserialize, Debug, Clone)]
struct Entry { pid: u64, tags: Vec<Tag> }

fn cfg(c: Cfg) -> Value {
    json!({"os-proc-sync-enabled": c.os_proc_sync_enabled, "os-proc-sync-tagged-only": c.os_proc_sync_tagged_only,
      "os-proc-root": c.os_proc_root, "os-proc-socket-sync-interval": c.os_proc_socket_sync_interval,
      "os-proc-socket-min-lifetime": c.os_proc_socket_min_lifetime, "os-app-tag-exec": c.os_app_tag_exec,
      "os-app-tag-exec-user": c.os_app_tag_exec_user,
      "os-proc-regex": c.os_proc_regex.iter().map(|r| json!([r.match_regex, r.match_type, r.rewrite_name, r.action])).collect::<Vec<_>>()})
}
fn run(kind: &str, text: &str) -> Result<Value, serde_yaml::Error> {
    Ok(match kind {
        "inner" => cfg(serde_yaml::from_str::<Cfg>(text)?),
        "outer" => cfg(serde_yaml::from_str::<Outer>(text)?.static_config),
        "tags" => json!(serde_yaml::from_str::<Vec<Entry>>(text)?.iter().map(|e| json!([e.pid, e.tags.iter().map(|t| json!([t.key, t.value])).collect::<Vec<_>>()])).collect::<Vec<_>>()),
        "str" => json!(serde_yaml::from_str::<String>(text)?),
        "u32" => json!(serde_yaml::from_str::<u32>(text)?),
        "u64" => json!(serde_yaml::from_str::<u64>(text)?),
        "bool" => json!(serde_yaml::from_str::<bool>(text)?),
        _ => panic!(),
    })
}
fn main() {
    std::panic::set_hook(Box::new(|_| {}));
    let out = std::io::stdout(); let mut out = out.lock();
    for line in std::io::stdin().lock().lines() {
        let v: Value = serde_json::from_str(&line.unwrap()).unwrap();
        let (kind, text) = (v["kind"].as_str().unwrap().to_string(), v["text"].as_str().unwrap().to_string());
        let r = std::panic::catch_unwind(|| run(&kind, &text));
        let j = match r { Ok(Ok(v)) => json!({"ok": v}), Ok(Err(e)) => json!({"error": e.to_string()}), Err(_) => json!({"panic": true}) };
        writeln!(out, "{}", j).unwrap(); out.flush().unwrap();
    }
}
