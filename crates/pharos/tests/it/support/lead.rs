//! The safeguarding lead at a case: does what the page asks next until it may close.

use super::browser::Browser;
use super::wait_for;

/// More rounds than any procedure has steps.
const ROUNDS_MAX: usize = 80;

/// Fills the form of an act in with what a good lead would write. Decisions take the first road and
/// say of each other one why not.
const FILL: &str = r#"
const form = document.querySelector('main form[action*="/do/"]');
const today = new Date().toISOString().slice(0, 10);
let chosen = -1, against = 0;
for (const group of form.querySelectorAll('.govuk-form-group')) {
  const radios = [...group.querySelectorAll('input[type=radio]')];
  const boxes = [...group.querySelectorAll('input[type=checkbox]')];
  const some = radios.length ? radios : boxes;
  if (some.length) {
    if (!some.some(one => one.checked)) (some.find(one => one.value === 'yes' || one.value.includes('violent')) || some[0]).click();
    if (some[0].name === 'option') chosen = some.findIndex(one => one.checked);
    continue;
  }
  const select = group.querySelector('select');
  if (select) {
    if (!select.value) select.selectedIndex = [...select.options].findIndex(one => one.value);
    continue;
  }
  const field = group.querySelector('textarea, input');
  if (!field || field.value) continue;
  const label = group.querySelector('label').innerText.trim();
  if (label.startsWith('Not “')) {
    if (against++ !== chosen) field.value = 'Nothing points that way.';
  } else if (field.type === 'date') field.value = today;
  else if (field.type === 'datetime-local') field.value = '';
  else if (field.name === 'name') field.value = 'ruth.okafor';
  else if (field.name === 'parent') field.value = 'Orla Quill';
  else field.value = 'Talked it through; written down the same hour.';
}
return form.getAttribute('action');
"#;

/// The next thing that the case's page offers: `press:` and a selector, or the address of a form.
const NEXT: &str = r#"
const danger = document.querySelector('button[name=danger][value=no]');
if (danger) return 'press:button[name=danger][value=no]';
for (const step of document.querySelectorAll('.ph-step[id^="step-"]')) {
  if (step.querySelector('button')) return 'press:#' + step.id + ' button';
  const ways = [...step.querySelectorAll('.ph-card__actions a')].map(a => a.getAttribute('href')).filter(to => to.includes('/do/'));
  if (!ways.length) continue;
  const last = ways[ways.length - 1];
  const rare = ['refer', 'link', 'sanction', 'contain'];
  return last.includes('/do/decline') && rare.some(what => ways[0].includes('/do/' + what)) ? last : ways[0];
}
const awaited = document.querySelector('a[href*="/do/answer"], a[href*="/do/action-done"]');
if (awaited) return awaited.getAttribute('href');
const close = [...document.querySelectorAll('a.govuk-button')].find(a => a.getAttribute('href').endsWith('/do/close'));
return close ? close.getAttribute('href') : '';
"#;

/// Works a case to its end; gives the acts taken, in order.
pub(crate) fn work(browser: &Browser, case: &str) -> Vec<String> {
    let mut done = Vec::new();
    for _ in 0..ROUNDS_MAX {
        browser.go(case);
        let next = browser
            .run(NEXT, Vec::new())
            .as_str()
            .unwrap_or("")
            .to_owned();
        if let Some(button) = next.strip_prefix("press:") {
            done.push(button.to_owned());
            browser.click(button);
            continue;
        }
        assert!(
            !next.is_empty(),
            "the case offers nothing more, and does not close after {done:#?}:\n{}",
            browser.text()
        );
        browser.go(&format!("{}{next}", &case[..case.find("/cases").unwrap()]));
        browser.run(FILL, Vec::new());
        browser.click("main form[action*='/do/'] button[type=submit]");
        wait_for("the answer to a form", || {
            let refused = browser.has(".govuk-error-summary");
            assert!(!refused, "{next} was not taken:\n{}", browser.text());
            (!browser.path().contains("/do/")).then_some(())
        });
        done.push(next.clone());
        if next.ends_with("/do/close") {
            return done;
        }
    }
    panic!("the case does not end: {done:#?}")
}
