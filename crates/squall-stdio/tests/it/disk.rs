//! What one life of a process keeps for the next.

use std::path::PathBuf;

use crate::outside::{INIT, in_directory, lines, run};

#[test]
fn a_directory_outlives_the_process_and_counts_its_lives() {
    let directory: PathBuf =
        std::env::temp_dir().join(format!("squall-stdio-lives-{}", std::process::id()));
    let keep = r#"{"src":"c1","dest":"n2","body":{"type":"keep","msg_id":1,"text":"x"}}"#;
    let who = r#"{"src":"c1","dest":"n2","body":{"type":"who","msg_id":2}}"#;
    let ask = r#"{"src":"c1","dest":"n2","body":{"type":"ask","msg_id":2,"text":"lin-kv"}}"#;
    for life in 0..3_u64 {
        let script = run(&in_directory(&directory), lines(&[INIT, keep, who, ask]));
        let kept = format!(r#""text":"{}","type":"kept""#, life + 1);
        assert!(script.said[1].contains(&kept), "{}", script.said[1]);
        assert!(script.said[2].contains(&format!("life {life}")), "{}", script.said[2]);
        let id = format!(r#""msg_id":{}"#, (life << 32).max(1));
        assert!(script.said[3].contains(&id), "{}", script.said[3]);
        assert!(script.remarks.iter().all(|it| !it.contains("SQUALL_DATA")));
    }
    std::fs::remove_dir_all(&directory).unwrap();
}

#[test]
fn a_directory_that_cannot_be_used_is_an_error() {
    let file = std::env::temp_dir().join(format!("squall-stdio-file-{}", std::process::id()));
    std::fs::write(&file, b"").unwrap();
    let mut script = crate::outside::Script::default();
    let options = in_directory(&file.join("below"));
    let error = squall_stdio::serve_in(&mut script, || crate::outside::Parrot, &options);
    assert!(matches!(error, Err(squall_stdio::ServeError::Disk(_))), "{error:?}");
    std::fs::remove_file(&file).unwrap();
}
