(() => {
  'use strict';
  const root = document.documentElement;
  const find = (selector, below = document) => below.querySelector(selector);
  const all = (selector, below = document) => [...below.querySelectorAll(selector)];
  const make = (name, text, attributes = {}) => {
    const element = document.createElement(name);
    if (text !== undefined) element.textContent = text;
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return element;
  };
  const later = (action) => {
    let timer;
    return () => { clearTimeout(timer); timer = setTimeout(action, 120); };
  };
  root.classList.add('scripted');

  // Colours: as the system, light, dark. What was chosen is kept where the browser allows it.
  const themes = { system: 'as the system', light: 'light', dark: 'dark' };
  const memory = {
    get: () => { try { return localStorage.getItem('theme'); } catch { return null; } },
    set: (value) => { try { localStorage.setItem('theme', value); } catch { /* a file that may not keep anything */ } },
  };
  const button = find('#theme');
  const dark = matchMedia('(prefers-color-scheme: dark)');
  let theme = Object.hasOwn(themes, memory.get() ?? '') ? memory.get() : 'system';
  const colour = () => {
    root.dataset.theme = theme === 'system' ? (dark.matches ? 'dark' : 'light') : theme;
    button.textContent = `Colours: ${themes[theme]}`;
  };
  button.hidden = false;
  button.addEventListener('click', () => {
    const names = Object.keys(themes);
    theme = names[(names.indexOf(theme) + 1) % names.length];
    memory.set(theme);
    colour();
  });
  dark.addEventListener('change', colour);
  colour();

  const words = (text) => text.toLowerCase().split(/\s+/).filter(Boolean);
  const count = (shown, of, what) => (shown === of ? `${of} ${what}` : `${shown} of ${of} ${what}`);

  // Claims.
  const claims = all('.claim').map((item) => ({ item, outcome: item.dataset.outcome, text: item.textContent.toLowerCase() }));
  if (claims.length) {
    const search = find('#claim-search');
    const filter = () => {
      const outcomes = words(find('input[name=outcome]:checked').value);
      const wanted = words(search.value);
      let shown = 0;
      for (const claim of claims) {
        const fits = (!outcomes.length || outcomes.includes(claim.outcome)) && wanted.every((word) => claim.text.includes(word));
        claim.item.hidden = !fits;
        shown += fits;
      }
      // what is looked for is not left folded
      for (const fold of all('.folded')) {
        fold.hidden = all('.claim', fold).every((item) => item.hidden);
        fold.open = outcomes.includes('not_testable') || wanted.length > 0;
      }
      for (const list of all('ul.claims')) list.hidden = all('.claim', list).every((item) => item.hidden);
      for (const group of all('.group')) group.hidden = all('.claim', group).every((item) => item.hidden);
      find('#claim-count').textContent = count(shown, claims.length, 'claims');
    };
    all('input[name=outcome]').forEach((input) => input.addEventListener('change', filter));
    search.addEventListener('input', later(filter));
    filter();
    // a subject that the filter hides is shown again on the way to it
    all('.overview a').forEach((link) => link.addEventListener('click', () => {
      if (!find(link.getAttribute('href')).closest('.group').hidden) return;
      find('input[name=outcome][value=""]').checked = true;
      search.value = '';
      filter();
    }));
  }

  // Sorting: numbers by size, words by the alphabet, empty cells last, equals as they were.
  const number = (text) => parseFloat(text.replaceAll('−', '-').replaceAll('\u202f', ''));
  const collator = new Intl.Collator('en', { numeric: true });
  const sorted = (items, key, numeric, down) => {
    const empty = (value) => value === null || value === undefined || value === '' || Number.isNaN(value);
    const order = numeric ? (a, b) => a - b : (a, b) => collator.compare(a, b);
    return items
      .map((item, place) => ({ item, place, value: key(item) }))
      .sort((a, b) => {
        if (empty(a.value) || empty(b.value)) return empty(a.value) - empty(b.value) || a.place - b.place;
        return (down ? -1 : 1) * order(a.value, b.value) || a.place - b.place;
      })
      .map((entry) => entry.item);
  };
  /** Makes the head of a column a button; `sort` is called with the direction. */
  const sortable = (cell, sort) => {
    const button = make('button', cell.textContent, { type: 'button' });
    cell.replaceChildren(button);
    button.addEventListener('click', () => {
      const before = cell.getAttribute('aria-sort');
      // numbers first from the top, words from the start
      const down = before ? before === 'ascending' : cell.classList.contains('num');
      all('th[aria-sort]', cell.parentElement).forEach((other) => other.removeAttribute('aria-sort'));
      cell.setAttribute('aria-sort', down ? 'descending' : 'ascending');
      sort(down);
    });
  };

  // Tables in the document.
  for (const section of all('section.table')) {
    const body = find('tbody', section);
    const rows = [...body.rows];
    all('thead th', section).forEach((cell, column) => {
      const numeric = cell.classList.contains('num');
      const key = (row) => {
        const text = (row.cells[column].firstChild?.textContent ?? '').trim();
        return numeric ? number(text) : text;
      };
      sortable(cell, (down) => body.append(...sorted([...body.rows], key, numeric, down)));
    });
    if (rows.length < 8) continue;
    const texts = new Map(rows.map((row) => [row, row.textContent.toLowerCase().replaceAll('−', '-')]));
    const tools = make('div', undefined, { class: 'tools' });
    const label = make('label', 'Filter ', { class: 'field' });
    const search = make('input', undefined, { type: 'search', 'aria-describedby': `${section.id}-title` });
    const status = make('p', undefined, { class: 'count', role: 'status' });
    label.append(search);
    tools.append(label, status);
    find('h3', section).after(tools);
    const filter = () => {
      const wanted = words(search.value.replaceAll('−', '-'));
      let shown = 0;
      for (const [row, text] of texts) {
        row.hidden = !wanted.every((word) => text.includes(word));
        shown += !row.hidden;
      }
      status.textContent = count(shown, rows.length, 'rows');
    };
    search.addEventListener('input', later(filter));
    filter();
  }

  // Values of figures: over a mark or with the focus on it.
  const tip = find('#tip');
  const hide = () => { tip.hidden = true; };
  const show = (mark, x, y) => {
    tip.textContent = mark.getAttribute('aria-label');
    tip.hidden = false;
    const box = tip.getBoundingClientRect();
    const left = Math.min(Math.max(8, x - box.width / 2), innerWidth - box.width - 8);
    const above = y - box.height - 12;
    tip.style.left = `${left}px`;
    tip.style.top = `${above > 4 ? above : y + 18}px`;
  };
  for (const figure of all('.paper svg')) {
    for (const mark of all('.mark', figure)) {
      const title = find('title', mark);
      mark.setAttribute('aria-label', title.textContent);
      title.remove();
      mark.addEventListener('pointerleave', hide);
      mark.addEventListener('pointermove', (event) => { event.stopPropagation(); show(mark, event.clientX, event.clientY); });
    }
    const marks = all('.mark[tabindex]', figure);
    marks.forEach((mark, place) => {
      mark.addEventListener('focus', () => {
        const box = mark.getBoundingClientRect();
        show(mark, box.left + box.width / 2, box.top);
        marks.forEach((other) => other.setAttribute('tabindex', other === mark ? '0' : '-1'));
      });
      mark.addEventListener('blur', hide);
      mark.addEventListener('keydown', (event) => {
        const to = {
          ArrowRight: place + 1, ArrowDown: place + 1, ArrowLeft: place - 1, ArrowUp: place - 1, Home: 0, End: marks.length - 1,
        }[event.key];
        if (event.key === 'Escape') hide();
        if (to === undefined) return;
        event.preventDefault();
        event.stopPropagation();
        marks[Math.min(Math.max(to, 0), marks.length - 1)].focus();
      });
    });
  }
  addEventListener('scroll', hide, { passive: true });

  // Measurements and stages: too many for a document, so a page at a time.
  const data = JSON.parse(find('#data').textContent);
  const m = data.measurements;
  const text = (name, row) => m[name].words[m[name].of[row]];
  const size = 50;
  /** A table of which a page is shown: `columns` are `[head, value, numeric, write]`. */
  const paged = (id, columns, what) => {
    const table = find(`#${id}-table`);
    const nav = find(`#${id}-page`).parentElement;
    const body = find('tbody', table);
    let rows = [];
    let page = 0;
    let order = null;
    let arranged = [];
    const last = () => Math.max(0, Math.ceil(arranged.length / size) - 1);
    const draw = () => {
      const lines = arranged.slice(page * size, (page + 1) * size).map((row) => {
        const line = make('tr');
        columns.forEach(([, value, numeric, write], place) => {
          const cell = make(place ? 'td' : 'th', undefined, place ? {} : { scope: 'row' });
          if (numeric) cell.className = 'num';
          if (write) write(cell, row); else cell.textContent = value(row) ?? '';
          line.append(cell);
        });
        return line;
      });
      body.replaceChildren(...lines);
      const from = arranged.length ? page * size + 1 : 0;
      find(`#${id}-page`).textContent = `${from}–${Math.min((page + 1) * size, arranged.length)} of ${arranged.length}`;
      for (const button of all('button', nav)) {
        const back = button.dataset.page === 'first' || button.dataset.page === 'previous';
        button.disabled = back ? page === 0 : page === last();
      }
    };
    const arrange = () => {
      arranged = order ? sorted(rows, columns[order.place][1], columns[order.place][2], order.down) : rows;
      page = 0;
      draw();
    };
    columns.forEach(([head, value, numeric], place) => {
      const cell = make('th', head, { scope: 'col' });
      if (numeric) cell.className = 'num';
      find('thead tr', table).append(cell);
      sortable(cell, (down) => { order = { place, down }; arrange(); });
    });
    nav.addEventListener('click', (event) => {
      const to = { first: 0, previous: page - 1, next: page + 1, last: last() }[event.target.dataset?.page];
      if (to === undefined) return;
      page = Math.min(Math.max(to, 0), last());
      draw();
      table.parentElement.scrollTop = 0;
    });
    return (found, of) => {
      rows = found;
      arrange();
      find(`#${id}-count`).textContent = count(found.length, of, what);
    };
  };
  const shown = (value) => {
    if (value === 0) return '0';
    const size = Math.abs(value);
    const digits = size >= 1e-4 && size < 1e9 ? String(Number(value.toPrecision(size >= 1000 ? 8 : 4))) : value.toExponential(3);
    return digits.replace('-', '−');
  };
  const interval = (row) => (m.interval[row] ? `${shown(m.interval[row][0])} to ${shown(m.interval[row][1])}` : '');
  if (m.value.length) {
    const exact = (cell, row) => {
      const words = `${shown(m.value[row])} ${text('unit', row)}`.trim();
      const button = make('button', words, { type: 'button', class: 'link', title: String(m.value[row]), 'aria-label': `${words}: where it comes from` });
      button.addEventListener('click', () => ofMeasurement(row));
      cell.append(button);
    };
    const fill = paged('measurement', [
      ['experiment', (row) => text('stage', row)],
      ['arm', (row) => text('arm', row)],
      ['schedule', (row) => text('schedule', row)],
      ['seed', (row) => m.seed[row], true],
      ['condition', (row) => text('condition', row)],
      ['metric', (row) => text('metric', row)],
      ['value', (row) => m.value[row], true, exact],
      ['95 %', (row) => (m.interval[row] ? m.interval[row][0] : null), true, (cell, row) => { cell.textContent = interval(row); }],
      ['n', (row) => m.n[row], true],
    ], 'measurements');
    const rows = m.value.map((_, row) => row);
    const search = find('#measurement-search');
    const epochs = find('#measurement-epochs');
    const selects = all('#measurement-tools select');
    for (const select of selects) {
      select.append(make('option', 'all', { value: '-1' }));
      m[select.dataset.column].words.forEach((word, place) => select.append(make('option', word || '(none)', { value: place })));
    }
    const columns = ['stage', 'arm', 'schedule', 'condition', 'metric'];
    const filter = () => {
      const picked = selects.map((select) => [m[select.dataset.column].of, Number(select.value)]).filter(([, place]) => place >= 0);
      // which words of each column fit is found once, not for every row
      const wanted = words(search.value).map((word) => ({
        seed: Number(word), columns: columns.map((name) => [m[name].of, m[name].words.map((known) => known.toLowerCase().includes(word))]),
      }));
      const epoch = m.condition.words.map((condition) => epochs.checked && /(^|\/)epoch=/.test(condition));
      fill(rows.filter((row) => !epoch[m.condition.of[row]] && picked.every(([of, place]) => of[row] === place)
        && wanted.every((word) => word.columns.some(([of, fits]) => fits[of[row]]) || m.seed[row] === word.seed)), rows.length);
    };
    [...selects, epochs].forEach((input) => input.addEventListener('change', filter));
    search.addEventListener('input', later(filter));
    filter();
  }

  const time = (seconds) => (seconds === null ? '' : seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`);
  // From a claim to the numbers that it was judged by.
  let named;
  const rowNamed = (name) => {
    named ??= new Map(m.value.map((_, row) => {
      const schedule = text('schedule', row) && `@${text('schedule', row)}`;
      const seed = m.seed[row] === null ? '' : `#${m.seed[row]}`;
      return [`${text('stage', row)}/${text('arm', row)}${schedule}${seed}/${text('condition', row)}/${text('metric', row)}`, row];
    }));
    return named.get(name);
  };
  for (const details of all('.claim details')) {
    details.addEventListener('toggle', () => all('code[data-row]', details).forEach((code) => {
      const row = rowNamed(code.dataset.row);
      if (row === undefined) return;
      const button = make('button', code.textContent, { type: 'button' });
      button.addEventListener('click', () => ofMeasurement(row));
      code.replaceWith(button);
    }), { once: true });
  }

  const explain = (what) => `hitrepro explain${data.option} ${/^[\w./:@+=,-]+$/.test(what) ? what : `'${what.replaceAll("'", "'\\''")}'`}`;
  const dialog = find('#origin');
  const terms = (pairs) => {
    const list = make('dl');
    for (const [name, value, plain] of pairs) {
      if (value === '' || value === null || value === undefined) continue;
      const definition = make('dd');
      definition.append(plain ? value : make('code', value));
      list.append(make('dt', name), definition);
    }
    return list;
  };
  /** A stage, one of its outputs if that is meant, and buttons to the stages that it is made from. */
  const aboutStage = (place, output) => {
    const [id, kind, key, outputs, from, seconds] = data.stages[place];
    const parts = [make('h3', id), terms([
      ['Kind', kind], ['Key', key],
      ...outputs.filter(([name]) => !output || name === output).map(([name, digest, bytes]) => [`Digest of ${name}`, `${digest} (${bytes} bytes)`]),
      ['Took', time(seconds), true],
      ['Back to the files', explain(output ? `${id}:${output}` : id)],
    ])];
    if (from.length) {
      parts.push(make('p', `Made from ${from.length === 1 ? 'one stage' : `${from.length} stages`}${from.length > 60 ? ', 60 of them shown' : ''}:`));
      const list = make('ul', undefined, { class: 'from' });
      for (const upstream of from.slice(0, 60)) {
        const button = make('button', data.stages[upstream][0], { type: 'button' });
        button.addEventListener('click', () => open([...aboutStage(upstream)], 'Stage'));
        const item = make('li');
        item.append(button);
        list.append(item);
      }
      parts.push(list);
    } else {
      parts.push(make('p', 'Made from no other stage: from files, or from parameters alone.'));
    }
    return parts;
  };
  const open = (parts, title) => {
    find('#origin-title').textContent = title;
    find('#origin-body').replaceChildren(...parts);
    if (!dialog.open) dialog.showModal();
    dialog.scrollTop = 0;
    find('#origin-close').focus();
  };
  const ofMeasurement = (row) => {
    const [stage, output] = m.source[row] === null ? [null] : data.sources[m.source[row]];
    const run = [text('arm', row), text('schedule', row) && `@${text('schedule', row)}`, m.seed[row] === null ? '' : `#${m.seed[row]}`].join('');
    const about = terms([
      ['Measurement', [text('stage', row), run, text('condition', row), text('metric', row)].filter(Boolean).join(' · '), true],
      ['Value', `${m.value[row]} ${text('unit', row)}`.trim(), true],
      ['95 %', m.interval[row] ? m.interval[row].join(' to ') : '', true],
      ['n', m.n[row] === null ? '' : String(m.n[row]), true],
    ]);
    open([about, ...(stage === null ? [make('p', 'There is no lock beside these results that says which stage made it.')] : aboutStage(stage, output))], 'Where this number comes from');
  };
  find('#origin-close').addEventListener('click', () => dialog.close());
  dialog.addEventListener('click', (event) => { if (event.target === dialog) dialog.close(); });

  if (data.stages.length) {
    const name = (cell, place) => {
      const button = make('button', data.stages[place][0], { type: 'button' });
      button.addEventListener('click', () => open(aboutStage(place), 'Stage'));
      cell.append(button);
    };
    const code = (value) => (cell, place) => cell.append(make('code', value(place)));
    const fill = paged('stage', [
      ['stage', (place) => data.stages[place][0], false, name],
      ['kind', (place) => data.stages[place][1]],
      ['key', (place) => data.stages[place][2], false, code((place) => data.stages[place][2].slice(0, 12))],
      ['outputs', (place) => data.stages[place][3].map((output) => output[0]).join(', ')],
      ['seconds', (place) => data.stages[place][5], true],
    ], 'stages');
    const places = data.stages.map((_, place) => place);
    const search = find('#stage-search');
    const filter = () => {
      const wanted = words(search.value);
      fill(places.filter((place) => wanted.every((word) => `${data.stages[place][0]} ${data.stages[place][1]}`.toLowerCase().includes(word))), places.length);
    };
    search.addEventListener('input', later(filter));
    filter();
  }
})();
