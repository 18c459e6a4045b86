// Asks the page what it does, as a user would see it, and puts the answers into the document.
(async () => {
  const checks = [];
  const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);
  const check = (name, found, expected = true) => checks.push({ name, ok: same(found, expected), found });
  const find = (selector, below = document) => below.querySelector(selector);
  const all = (selector, below = document) => [...below.querySelectorAll(selector)];
  const shown = (element) => element.checkVisibility();
  const wait = (time) => new Promise((done) => setTimeout(done, time));
  const type = async (input, words) => { input.value = words; input.dispatchEvent(new Event('input', { bubbles: true })); await wait(200); };
  const choose = async (input, value) => { input.value = value; input.dispatchEvent(new Event('change', { bubbles: true })); await wait(50); };
  const press = (element, key) => element.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }));

  const questions = async () => {
    check('no markup comes from names', [document.title, all('img, iframe, object, embed').length], ['Results', 0]);
    check('one language, one main, one heading of the first level', [document.documentElement.lang, all('main').length, all('h1').length], ['en', 1, 1]);

    // claims
    const claims = () => all('.claim').filter(shown).map((claim) => claim.id);
    check('all claims that could be tested are shown', [claims().length, claims().includes('claim-cnn')], [3, false]);
    find('.folded > summary').click();
    await wait(50);
    check('the others are folded', [claims().length, find('.folded > summary').textContent.startsWith('1 not testable here')], [4, true]);
    const pick = (value) => find(`input[name=outcome][value="${value}"]`).click();
    pick('not_testable');
    check('an outcome that is picked is not folded', [claims(), find('.folded').open], [['claim-cnn'], true]);
    pick('holds does_not_hold');
    check('what is decided', claims(), ['claim-d4-helps', 'claim-a4-helps']);
    check('subjects and outcomes are counted', all('.overview tbody tr').map((row) => [...row.cells].map((cell) => cell.textContent)),
      [['Screening', '1', '1', '1', '0'], ['Sizes', '0', '0', '0', '1']]);
    find('.overview tbody tr:last-child a').click();
    await wait(50);
    check('a subject that was hidden is shown', [shown(find('#claims-2')), find('#claim-count').textContent], [true, '4 claims']);
    check('and is folded as before', claims().length, 3);
    find('input[name=outcome][value=holds]').click();
    check('one outcome', claims(), ['claim-a4-helps']);
    check('the count says so', find('#claim-count').textContent, '1 of 4 claims');
    check('a group without claims is not shown', all('.group').filter(shown).length, 1);
    find('input[name=outcome][value=""]').click();
    await type(find('#claim-search'), 'RAISES injecting a4');
    check('words in any order and case', claims(), ['claim-a4-helps']);
    await type(find('#claim-search'), 'nothing of this');
    check('no claim', [claims().length, find('#claim-count').textContent], [0, '0 of 4 claims']);
    await type(find('#claim-search'), '');
    check('all again', claims().length, 3);
    await type(find('#claim-search'), 'cnn');
    check('what is found is not folded', claims(), ['claim-cnn']);
    await type(find('#claim-search'), '');
    const details = find('#claim-d4-helps details');
    details.open = true;
    await wait(50);
    find('button', details).click();
    check('from a claim to its number', [find('#origin').open, find('#origin-body').textContent.includes('screening · D0@cosine4#42 · selected · s')], [true, true]);
    find('#origin-close').click();

    // tables
    const table = find('#table-screening table');
    const column = (place) => [...table.tBodies[0].rows].filter(shown).map((row) => row.cells[place].firstChild?.textContent ?? '');
    const head = (place) => find('button', table.tHead.rows[0].cells[place]);
    const sort = (place) => table.tHead.rows[0].cells[place].getAttribute('aria-sort');
    check('heads are buttons that the keyboard reaches', [head(1).tagName, head(1).tabIndex], ['BUTTON', 0]);
    const before = column(0);
    head(1).click();
    check('numbers sort by size, the largest first', column(1).map((text) => text.trim()), ['100', '9.5', '8', '7', '6', '5', '+4', '3', '−10']);
    check('it is said', sort(1), 'descending');
    head(1).click();
    check('the other way round', [column(1)[0].trim(), sort(1)], ['−10', 'ascending']);
    head(2).click();
    check('empty cells last', [column(2).slice(0, 3), column(2).slice(3).every((text) => text === ''), sort(1)], [['69.8', '68.6', '63.6'], true, null]);
    head(2).click();
    check('empty cells last again', column(2).slice(0, 3), ['63.6', '68.6', '69.8']);
    head(0).click();
    check('words sort by the alphabet', column(0).slice(1), [...before].sort(new Intl.Collator('en', { numeric: true }).compare).slice(1));
    const filter = find('#table-screening input[type=search]');
    await type(filter, '69.8 d4a4');
    check('rows that have all words', column(0), ['d4a4']);
    check('their number', find('#table-screening .count').textContent, '1 of 9 rows');
    await type(filter, '-10');
    check('a minus that is typed finds one that is printed', column(0), ['a4r']);
    await type(filter, '');
    check('every table has a caption, every head a scope', [all('table').every((one) => one.caption), all('th').every((one) => one.scope)], [true, true]);

    // figures
    const marks = all('#figure-screening .mark');
    check('marks are named and one is a stop of the tab key', [marks.map((mark) => mark.getAttribute('aria-label')), marks.map((mark) => mark.tabIndex)],
      [['D0: 52.5 % (45.3 to 58.1)', 'a4r: 69.0 %', '<i> & co: 3 %'], [0, -1, -1]]);
    marks[0].focus();
    check('the value is shown at the focus', [document.activeElement === marks[0], shown(find('#tip')), find('#tip').textContent], [true, true, 'D0: 52.5 % (45.3 to 58.1)']);
    press(marks[0], 'ArrowRight');
    check('arrows lead on', [document.activeElement === marks[1], find('#tip').textContent], [true, 'a4r: 69.0 %']);
    press(marks[1], 'End');
    press(marks[2], 'ArrowDown');
    check('and stop at the end', document.activeElement === marks[2]);
    press(marks[2], 'Home');
    check('and lead back', [document.activeElement === marks[0], marks.map((mark) => mark.tabIndex)], [true, [0, -1, -1]]);
    press(marks[0], 'Escape');
    check('Escape hides the value', shown(find('#tip')), false);
    marks[1].dispatchEvent(new PointerEvent('pointermove', { clientX: 300, clientY: 300, bubbles: true }));
    check('the value is shown at the pointer', [shown(find('#tip')), find('#tip').textContent], [true, 'a4r: 69.0 %']);
    marks[1].dispatchEvent(new PointerEvent('pointerleave'));
    check('and gone after it', shown(find('#tip')), false);
    check('values stand in a table', all('#figure-screening .values tbody tr').map((row) => row.cells[0].textContent), ['D0', 'a4r', '<i> & co']);
    check('what is no drawing is not there', [all('svg').length, find('#figure-evil .refused') !== null], [1, true]);

    // measurements
    const lines = () => all('#measurement-table tbody tr');
    const status = () => find('#measurement-count').textContent;
    check('single epochs are left out at first', status(), '3 of 159 measurements');
    find('#measurement-epochs').click();
    check('a page of many', [lines().length, status(), find('#measurement-page').textContent], [50, '159 measurements', '1–50 of 159']);
    const page = (name) => find(`#measurements [data-page=${name}]`);
    check('nothing before the first page', [page('first').disabled, page('next').disabled], [true, false]);
    page('last').click();
    check('the last page', [lines().length, find('#measurement-page').textContent, page('next').disabled], [9, '151–159 of 159', true]);
    page('previous').click();
    check('the page before', find('#measurement-page').textContent, '101–150 of 159');
    const values = () => lines().map((line) => parseFloat(line.cells[6].textContent));
    const byValue = all('#measurement-table thead th')[6];
    find('button', byValue).click();
    check('sorted by value over all pages', [values()[0], values().every((value, place, list) => !place || list[place - 1] >= value), byValue.ariaSort], [72.25, true, 'descending']);
    find('button', byValue).click();
    check('the smallest first', lines()[0].cells[6].textContent, '6.400e−9');
    const select = (name) => find(`#measurement-tools select[data-column=${name}]`);
    const option = (name, word) => [...select(name).options].find((one) => one.textContent === word).value;
    await choose(select('arm'), option('arm', 'a4r'));
    check('one arm', status(), '40 of 159 measurements');
    await type(find('#measurement-search'), 'zero.a4 42');
    check('and words', [status(), lines().length, lines()[0].cells[4].textContent], ['1 of 159 measurements', 1, 'zero.a4/selected']);
    find('.link', lines()[0]).focus();
    document.activeElement.click();
    const body = find('#origin-body');
    check('a value leads to its stage', [find('#origin').open, find('h3', body).textContent], [true, 'intervals/t04/zero.a4/a4r@cosine4#42']);
    check('with key, digest and command', [all('dt', body).map((term) => term.textContent).slice(-4), all('code', body).at(-1).textContent],
      [['Kind', 'Key', 'Digest of measurements', 'Back to the files'], "hitrepro explain --profile smoke 'intervals/t04/zero.a4/a4r@cosine4#42:measurements'"]);
    check('the exact value', body.textContent.includes('16.5 %') && body.textContent.includes('12.5 to 21'));
    find('.from button', body).click();
    check('and on to what that was made from', [find('h3', body).textContent, body.textContent.includes('1 min 2 s')], ['train/D0@cosine4#42', true]);
    find('#origin-close').click();
    check('it closes', find('#origin').open, false);
    await type(find('#measurement-search'), '');
    await choose(select('arm'), '-1');

    // stages
    await type(find('#stage-search'), 'train');
    check('stages are found', [find('#stage-count').textContent, all('#stage-table tbody tr').length], ['1 of 6 stages', 1]);
    await type(find('#stage-search'), '');

    // everything that acts can be reached and is named
    const nameless = all('button, input, select, a, summary, [tabindex="0"]').filter(shown)
      .filter((one) => !(one.textContent.trim() || one.ariaLabel || one.labels?.length || one.getAttribute('aria-labelledby')));
    check('everything that acts has a name', nameless.map((one) => one.outerHTML), []);
    const unseen = all('button, a, summary, input[type=search], select, .scroll').filter((one) => shown(one) && !one.disabled).filter((one) => {
      one.focus({ focusVisible: true });
      const style = getComputedStyle(one);
      return document.activeElement !== one || style.outlineStyle === 'none' || parseFloat(style.outlineWidth) < 2;
    });
    check('the focus can be seen', unseen.map((one) => one.outerHTML), []);

    // colours
    const parse = (text) => text.match(/[\d.]+/g).map(Number);
    const light = (channel) => { const c = channel / 255; return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; };
    const luminance = ([r, g, b]) => 0.2126 * light(r) + 0.7152 * light(g) + 0.0722 * light(b);
    const contrast = (a, b) => { const [x, y] = [luminance(a), luminance(b)].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05); };
    const ground = (element) => {
      for (let one = element; one; one = one.parentElement) {
        const colour = parse(getComputedStyle(one).backgroundColor);
        if (colour.length === 3 || colour[3] > 0.99) return colour.slice(0, 3);
      }
      return [255, 255, 255];
    };
    const poor = () => {
      const found = [];
      let texts = 0;
      const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
      while (walker.nextNode()) {
        const element = walker.currentNode.parentElement;
        if (!walker.currentNode.textContent.trim() || !shown(element) || element.closest('script, style, pre#answers, :disabled')) continue;
        texts += 1;
        const style = getComputedStyle(element);
        const ratio = contrast(parse(element.closest('svg') ? style.fill : style.color), ground(element));
        if (ratio < 4.5) found.push(`${ratio.toFixed(2)} ${element.tagName}.${element.className} ${walker.currentNode.textContent.trim().slice(0, 30)}`);
      }
      return [texts > 300, [...new Set(found)].slice(0, 9)];
    };
    all('details').forEach((one) => { one.open = true; });
    find('input[name=outcome][value=holds]').click();
    const theme = find('#theme');
    theme.click();
    check('light', [document.documentElement.dataset.theme, theme.textContent], ['light', 'Colours: light']);
    check('contrast in light', poor(), [true, []]);
    find('input[name=outcome][value=""]').click();
    check('contrast in light, all claims', poor(), [true, []]);
    theme.click();
    check('dark', [document.documentElement.dataset.theme, theme.textContent], ['dark', 'Colours: dark']);
    check('it is dark', luminance(ground(document.body)) < 0.02);
    check('contrast in dark', poor(), [true, []]);
    find('input[name=outcome][value=does_not_hold]').click();
    check('contrast in dark, one outcome', poor(), [true, []]);
    theme.click();
    check('as the system again', theme.textContent, 'Colours: as the system');

    check('nothing was requested', performance.getEntriesByType('resource').map((entry) => entry.name), []);
    check('no error, nothing refused', window.watched, { errors: [], refused: [] });
  };

  try {
    await questions();
  } catch (error) {
    checks.push({ name: 'the questions could be asked', ok: false, found: String(error.stack) });
  }
  const answers = document.createElement('pre');
  answers.id = 'answers';
  answers.textContent = JSON.stringify({ checks });
  document.body.append(answers);
})();
