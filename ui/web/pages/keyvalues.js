// The key-values below a prefix, with guarded editing: a raw write follows the rules of the old scripts, and says so first.

import { entryText } from '../api.js';
import { freshId, h, keyed, setAttr, setText } from '../dom.js';
import { plural } from '../format.js';
import { askOnce } from '../components/dialog.js';
import { button, errorLine, field, pageHead, submitButton } from '../components/controls.js';

// More rows help nobody; a longer prefix does.
const SHOWN_MAX = 500;
const OWN = /^rolling\/(?:router\/|[^/]+\/(?:rollout|settings|events\/))/;

/** The key-values page; `params.prefix` is what to show. */
export function keyvaluesPage({ api, store, notices, params }) {
	const prefix = h('input.input.mono', {
		value: params.prefix,
		placeholder: 'apps/',
		spellcheck: 'false',
		autocomplete: 'off',
		'aria-label': 'Keys that begin with',
		testid: 'kv-prefix',
	});
	const form = h('form.page-search', {}, prefix, submitButton('Show', 'kv-show', { tone: '' }));
	const add = button('New key…', {
		testid: 'kv-add',
		run: () => {
			if (!store.whyReadOnly()) edit(null);
		},
	});
	const why = h('p.why', { id: 'kv-why' });
	const count = h('p.quiet', { role: 'status' });
	const error = errorLine();
	const list = h('ul.rows');
	let entries = [];

	async function load() {
		try {
			entries = (await api.kvList(prefix.value.trim())).map((entry) => ({ key: entry.Key, text: entryText(entry) }));
			setText(error, '');
		} catch (refusal) {
			entries = [];
			setText(error, refusal.message);
		}
		draw();
	}

	function draw() {
		const shown = entries.slice(0, SHOWN_MAX);
		keyed(
			list,
			shown,
			(entry) => entry.key,
			() => row({ edit, remove, store }),
		);
		setText(
			count,
			entries.length > SHOWN_MAX
				? `The first ${SHOWN_MAX} of ${plural(entries.length, 'key')}; a longer prefix shows fewer.`
				: plural(entries.length, 'key'),
		);
	}

	const edit = (entry) => editDialog({ api, notices, entry, done: load });
	const remove = (entry) => removeDialog({ api, notices, entry, done: load });

	form.addEventListener('submit', (event) => {
		event.preventDefault();
		history.replaceState(null, '', `#/keyvalues/${prefix.value.trim().split('/').map(encodeURIComponent).join('/')}`);
		load();
	});
	load();
	return {
		element: h(
			'div',
			{},
			pageHead('Key-values', form, add),
			why,
			h('p.lead', {}, 'The store as the old scripts see it, as of when this list was loaded.'),
			count,
			error,
			h('section.panel', {}, list),
		),
		title: 'Key-values',
		update() {
			const reason = store.whyReadOnly();
			setAttr(add, 'aria-disabled', reason ? 'true' : null);
			setText(why, reason ? `New key, Edit, Delete: ${reason}.` : '');
		},
	};
}

function row({ edit, remove, store }) {
	const key = h('code');
	const value = h('code.kv-value');
	const own = h('span.quiet');
	const guard = (label, run) =>
		button(label, {
			tone: 'small',
			run: () => {
				if (!store.whyReadOnly()) run(entry);
			},
		});
	const change = guard('Edit…', edit);
	const drop = guard('Delete…', remove);
	const element = h('li.row.kv-row', {}, key, value, h('span.kv-buttons', {}, own, change, drop));
	let entry = null;
	return {
		element,
		update(next) {
			entry = next;
			setAttr(element, 'data-testid', `kv-${entry.key}`);
			setText(key, entry.key);
			const readOnly = OWN.test(entry.key);
			setText(value, readOnly && entry.text.length > 160 ? `${entry.text.slice(0, 160)}…` : entry.text);
			setText(own, readOnly ? 'written by commands only' : '');
			change.hidden = readOnly;
			drop.hidden = readOnly;
			setAttr(change, 'aria-label', `Edit ${entry.key}`);
			setAttr(drop, 'aria-label', `Delete ${entry.key}`);
		},
	};
}

function consequence(key) {
	if (/^rolling\/[^/]+\/(stable|candidate)\/id$/.test(key))
		return 'This changes which release is live, as an old script would: a release that leaves its track drains, and a new candidate starts at blend 0.';
	if (/^rolling\//.test(key)) return 'This changes how clients are routed, at once.';
	if (/^apps\//.test(key)) return 'This changes the endpoints of a release, at once. A release on a track without endpoints cannot serve.';
	return 'No app is routed by this key.';
}

function editDialog({ api, notices, entry, done }) {
	const id = freshId('kv');
	const key = h('input.input.mono', {
		id: `${id}-key`,
		value: entry?.key ?? '',
		readonly: Boolean(entry),
		spellcheck: 'false',
		testid: 'kv-edit-key',
	});
	const value = h('textarea.input.mono', { id: `${id}-value`, rows: '4', spellcheck: 'false', testid: 'kv-edit-value' });
	value.value = entry?.text ?? '';
	const words = h('p.quiet');
	const tell = () =>
		setText(words, key.value ? consequence(key.value.trim()) : 'A raw write: it takes effect at once, with your token\u2019s role.');
	key.addEventListener('input', tell);
	tell();
	askOnce({
		stem: 'kv',
		title: entry ? `Change ${entry.key}?` : 'Write a new key',
		submit: 'Write',
		content: [field('Key', key), field('Value', value), words],
		send: async () => {
			await api.kvPut(key.value.trim(), value.value);
			notices.post({ text: `${key.value.trim()} written.`, tone: 'done' });
		},
		done,
	});
	(entry ? value : key).focus();
}

function removeDialog({ api, notices, entry, done }) {
	askOnce({
		stem: 'kv',
		title: `Delete ${entry.key}?`,
		submit: 'Delete',
		content: [h('p', {}, 'It holds ', h('code', {}, entry.text)), h('p.quiet', {}, consequence(entry.key))],
		send: async () => {
			await api.kvDelete(entry.key);
			notices.post({ text: `${entry.key} deleted.`, tone: 'done' });
		},
		done,
	});
}
