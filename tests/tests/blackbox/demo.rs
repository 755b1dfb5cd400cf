//! The first look.

use std::process::Command;

use proxy_tests::proxy_test;

proxy_test!(the_demo_serves_what_it_says_to_try, |binary| {
    let mut demo = binary.launch().arg("demo").starts();
    let line = demo.wait_log("curl ");
    let command =
        line[line.find("curl ").unwrap()..].replacen("curl ", "curl -sS --noproxy '*' ", 1);
    assert!(command.contains(&demo.addr().to_string()), "{line}");
    for _ in 0..2 {
        let output = Command::new("sh").arg("-c").arg(&command).output().unwrap();
        assert!(output.status.success(), "{command}\n{output:?}");
        assert!(!output.stdout.is_empty());
    }
    demo.wait_logs("Selected upstream", 2);
    let requests = demo.lines_with("Selected upstream");
    let upstream = |line: &str| {
        line.split("Selected upstream ")
            .nth(1)
            .map(|rest| rest.split(' ').next().unwrap_or_default().to_owned())
    };
    assert_ne!(upstream(&requests[0]), upstream(&requests[1]), "there are two upstreams");
    assert_eq!(demo.terminates(), 0);
});
