// The keyvalues below a prefix. They can be edited: the dialog says first what a raw write does, which is what it did for the old scripts.

import { entryText } from '../api.js';
import { freshId, h, keyed, setAttr, setText } from '../dom.js';
import { plural } from '../format.js';
import { openFormDialog } from '../components/dialog.js';
import { button, errorLine, field, pageHead, submitButton } from '../components/controls.js';

// Nobody reads more rows; a longer prefix shows fewer.
const SHOWN_MAX = 500;
// Keys that only commands write.
const OWN = /^rolling\/(?:router\/|[^/]+\/(?:rollout|settings|events\/))/;

/** The keyvalues page; `params.prefix` is what to show. */
export function keyvaluesPage({ api, model, notices, params }) {
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
			if (!model.readOnlyReason()) edit(null);
		},
	});
	const reasonLine = h('p.why', { id: 'kv-why' });
	const count = h('p.quiet', { role: 'status' });
	const error = errorLine();
	const list = h('ul.rows');
	let entries = [];

	async function load() {
		try {
			entries = (await api.listKeys(prefix.value.trim())).map((entry) => ({ key: entry.Key, text: entryText(entry) }));
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
			() => buildRow({ edit, remove, model }),
		);
		setText(
			count,
			entries.length > SHOWN_MAX
				? `The first ${SHOWN_MAX} of ${plural(entries.length, 'key')}. A longer prefix shows fewer.`
				: plural(entries.length, 'key'),
		);
	}

	const edit = (entry) => openEditDialog({ api, notices, entry, done: load });
	const remove = (entry) => openRemoveDialog({ api, notices, entry, done: load });

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
			pageHead('Keyvalues', form, add),
			reasonLine,
			h('p.lead', {}, 'The store as the old scripts see it, at the time this list was loaded.'),
			count,
			error,
			h('section.panel', {}, list),
		),
		title: 'Keyvalues',
		update() {
			const reason = model.readOnlyReason();
			setAttr(add, 'aria-disabled', reason ? 'true' : null);
			setText(reasonLine, reason ? `New key, Edit, Delete: ${reason}.` : '');
		},
	};
}

function buildRow({ edit, remove, model }) {
	const key = h('code');
	const value = h('code.kv-value');
	const ownNote = h('span.quiet');
	const buildButton = (label, run) =>
		button(label, {
			tone: 'small',
			run: () => {
				if (!model.readOnlyReason()) run(entry);
			},
		});
	const editButton = buildButton('Edit…', edit);
	const deleteButton = buildButton('Delete…', remove);
	const element = h('li.row.kv-row', {}, key, value, h('span.kv-buttons', {}, ownNote, editButton, deleteButton));
	let entry = null;
	return {
		element,
		update(next) {
			entry = next;
			setAttr(element, 'data-testid', `kv-${entry.key}`);
			setText(key, entry.key);
			const isOwn = OWN.test(entry.key);
			setText(value, isOwn && entry.text.length > 160 ? `${entry.text.slice(0, 160)}…` : entry.text);
			setText(ownNote, isOwn ? 'only commands write this' : '');
			editButton.hidden = isOwn;
			deleteButton.hidden = isOwn;
			setAttr(editButton, 'aria-label', `Edit ${entry.key}`);
			setAttr(deleteButton, 'aria-label', `Delete ${entry.key}`);
		},
	};
}

function describeEffect(key) {
	if (/^rolling\/[^/]+\/(stable|candidate)\/id$/.test(key))
		return 'This changes which release is live, as the old scripts did. A release that leaves its track drains; a new candidate starts at blend 0 %.';
	if (/^rolling\//.test(key)) return 'This changes at once how clients are routed.';
	if (/^apps\//.test(key)) return 'This changes the endpoints of a release at once. A release without endpoints cannot serve.';
	return 'No app is routed by this key.';
}

function openEditDialog({ api, notices, entry, done }) {
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
	const effect = h('p.quiet');
	const showEffect = () =>
		setText(effect, key.value ? describeEffect(key.value.trim()) : 'A raw write takes effect at once, with the role of your token.');
	key.addEventListener('input', showEffect);
	showEffect();
	openFormDialog({
		stem: 'kv',
		title: entry ? `Change ${entry.key}?` : 'Write a new key',
		submit: 'Write',
		content: [field('Key', key), field('Value', value), effect],
		send: async () => {
			await api.putKey(key.value.trim(), value.value);
			notices.post({ text: `${key.value.trim()} written.`, tone: 'done' });
		},
		done,
	});
	(entry ? value : key).focus();
}

function openRemoveDialog({ api, notices, entry, done }) {
	openFormDialog({
		stem: 'kv',
		title: `Delete ${entry.key}?`,
		submit: 'Delete',
		content: [h('p', {}, 'Its value is ', h('code', {}, entry.text)), h('p.quiet', {}, describeEffect(entry.key))],
		send: async () => {
			await api.deleteKey(entry.key);
			notices.post({ text: `${entry.key} deleted.`, tone: 'done' });
		},
		done,
	});
}
