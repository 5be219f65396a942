// Who changed what, or tried to: the audit of the router that serves this page, newest first, for admins.

import { h, keyed, setShown, setText } from '../dom.js';
import { plural } from '../format.js';
import { button, errorLine, pageHead, prose } from '../components/controls.js';
import { findBox } from '../components/find-box.js';
import { when } from '../components/when.js';

const PAGE = 50;

const HELP =
	'Each router keeps its newest entries in memory. The setting `audit_log` writes all of them, and an app’s history keeps its changes for good.';

const VIA = { gui: 'GUI', cli: 'command line', api: 'API', raw: 'raw keyvalues', file: 'token file' };

export function auditPage({ api, model, params }) {
	const find = findBox({ label: 'Filter by what, who or how it ended', testid: 'audit-filter', value: params.find, onChange: () => redraw() });
	const error = errorLine('audit-error');
	const count = h('p.quiet', { role: 'status', testid: 'audit-count' });
	const list = h('ul.rows', { testid: 'audit' });
	const more = button('Load older entries', { testid: 'audit-more', run: () => load(next) });
	let entries = [];
	let next = null;
	let asked = false;

	async function load(before) {
		try {
			const page = await api.getAudit({ limit: PAGE, before });
			entries = [...entries, ...page.entries];
			next = page.next;
			setText(error, '');
		} catch (refusal) {
			setText(error, refusal.message);
		}
		redraw();
	}

	function redraw() {
		const shown = entries.filter((entry) => find.matches([title(entry), source(entry), entry.message ?? ''].join(' ')));
		keyed(list, shown, ({ id }) => id, row);
		setText(
			count,
			(shown.length < entries.length ? `${shown.length} of ` : '') + `${plural(entries.length, 'entry', 'entries')} loaded`,
		);
		setShown(more, next !== null);
	}

	return {
		element: h(
			'div',
			{},
			pageHead('Audit', find.element),
			h('section.panel', {}, count, error, list, more),
			h('p.lead', {}, prose(HELP)),
		),
		title: 'Audit',
		update() {
			const { who } = model.facts;
			if (who && who.role !== 'admin') setText(error, `The audit needs the role admin, and your role is ${who.role}.`);
			else if (who && !asked) {
				asked = true;
				load();
			}
		},
	};
}

function title(entry) {
	return `${entry.method} ${entry.path}: ${entry.outcome}${entry.status ? ` (${entry.status})` : ''}`;
}

function source(entry) {
	return `${entry.actor ?? 'nobody known'}, by ${VIA[entry.via] ?? entry.via}${entry.client ? `, from ${entry.client}` : ''}`;
}

function row(entry) {
	const time = when();
	const keys = entry.changes.map(({ key }) => key).join(', ');
	const written = entry.changes.map((change) => h('p', {}, describe(change)));
	const element = h(
		'li.row',
		{ testid: `audit-${entry.id}` },
		h('b.full-row', {}, title(entry)),
		h('span.full-row', {}, source(entry), ' ', h('span.quiet', {}, time.element)),
		entry.message ? h('p.quiet.full-row', {}, entry.message) : null,
		keys ? h('details.quiet.full-row', {}, h('summary', {}, `Wrote ${keys}`), written) : null,
	);
	return { element, update: ({ at }) => time.update(at) };
}

/** A key with what changed of its value: of objects the fields that differ. */
function describe({ key, before, after }) {
	if (!isObject(before) || !isObject(after)) return `${key}: ${shown(before)} → ${shown(after)}`;
	const names = Object.keys({ ...before, ...after }).filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]));
	return `${key}: ${names.map((name) => `${name} ${shown(before[name])} → ${shown(after[name])}`).join(', ')}`;
}

function isObject(value) {
	return value !== null && typeof value === 'object' && !Array.isArray(value);
}

function shown(value) {
	if (value === null || value === undefined) return 'nothing';
	return typeof value === 'string' ? value : JSON.stringify(value);
}
