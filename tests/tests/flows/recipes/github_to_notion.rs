//! docs/recipes/github-to-notion.md: find, then create or update, three requests a second.

use std::time::Duration;

use super::{
    github::{self, GitHub, issue},
    notion::{self, Notion},
    recipe::Recipe,
    server::{Api, Desk, Fault},
};

/// Issues of the example; every fifth is a pull request.
const ISSUES: u64 = 130;
/// One that Notion does not take.
const REFUSED: u64 = 7;

#[test]
fn each_issue_is_one_page_at_its_newest_state_or_parked_with_what_notion_says() {
    let title = |number: u64| match number {
        REFUSED => "not this one".to_owned(),
        // Each of them takes two units of UTF-16.
        8 => "🌊".repeat(1_500),
        number => format!("issue {number}"),
    };
    let issues = (1..=ISSUES).map(|number| issue(number, number / 3, &title(number))).collect();
    // One that was given changes while the second page is read.
    let changes = vec![(3, issue(2, 100, "issue 2, closed"))];
    let github = Api::start(GitHub {
        desk: Desk::new(&[(1, Fault::Limited), (2, Fault::Failed), (4, Fault::LostAnswer)]),
        issues,
        changes,
        url: String::new(),
    });
    github.state().url = github.url.clone();
    let faults = [
        (10, Fault::LostAnswer),
        (40, Fault::Failed),
        (45, Fault::Limited),
        (61, Fault::LostAnswer),
    ];
    let notion = Api::start(Notion {
        desk: Desk::new(&faults).limited(100, Duration::from_secs(1)),
        pages: Vec::new(),
        // Creations all of them.
        lost_writes: vec![20, 40, 60],
        writes: 0,
        conflicts: 2,
        forbidden: "not this one",
    });
    let faster = [
        ("rate: 3/s", "rate: 100/s"),
        ("landing: 30s", "landing: 100ms"),
        ("settle_lag: 10s", "settle_lag: 2s"),
    ];
    let recipe = Recipe::new("github-to-notion", &faster)
        .param("repository", github::REPOSITORY)
        .param("data_source", notion::DATA_SOURCE)
        .param("github", &github.url)
        .param("notion", &notion.url)
        .secret("github_token", github::TOKEN)
        .secret("notion_token", notion::TOKEN);
    recipe.run();

    let parked = recipe.parked();
    assert_eq!(parked.len(), 1, "{parked:?}");
    assert_eq!(parked[0].0, (1_000_000 + REFUSED).to_string());
    assert!(parked[0].1.contains("Content creation Failed."), "{parked:?}");
    let pages = |number| notion.state().pages_of(number);
    for number in 1..=ISSUES {
        let expected = usize::from(!number.is_multiple_of(5) && number != REFUSED);
        assert_eq!(pages(number), expected, "pages of issue {number}");
    }
    let title_of = |number: u64| {
        let state = notion.state();
        let page = state.pages.iter().find(|(_, page)| page["Issue"]["number"] == number);
        page.expect("it is there").1["Name"]["title"][0]["text"]["content"]
            .as_str()
            .map(str::to_owned)
    };
    assert_eq!(title_of(2).as_deref(), Some("issue 2, closed"));
    github.assert_proper();
    notion.assert_proper();

    // What changes is updated, and no page is made of it.
    github.state().change(issue(3, 200, "issue 3, again"));
    recipe.run();
    assert_eq!((title_of(3).as_deref(), pages(3)), (Some("issue 3, again"), 1));
    // What was parked is tried again once Notion takes it.
    notion.state().forbidden = "nothing";
    recipe.replay();
    assert_eq!((recipe.parked(), pages(REFUSED)), (vec![], 1));
    notion.assert_proper();
}
