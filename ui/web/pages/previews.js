// Links that show a release to testers: made, copied, listed, revoked. A link is shown once, since the router keeps no token.

import { h, keyed, setAttr, setShown, setText } from '../dom.js';
import { releaseName } from '../release.js';
import { appLinks } from '../components/app-links.js';
import { when } from '../components/when.js';
import { button, errorLine, field, pageHead, submitButton } from '../components/controls.js';

const TIMES = [
	['1 hour', 3600],
	['8 hours', 28800],
	['1 day', 86400],
	['7 days', 604800],
	['30 days', 2592000],
];
const TRACKS = { candidate: 'Candidate', stable: 'Stable' };

export function previewsPage({ api, store, notices, params }) {
	const name = params.app;
	const tracks = Object.keys(TRACKS).map((track) => h('option', { value: track }));
	const track = h('select.input', { id: 'preview-track', testid: 'preview-track' }, tracks);
	const time = h(
		'select.input',
		{ id: 'preview-time', testid: 'preview-time' },
		TIMES.map(([words, seconds]) => h('option', { value: seconds, selected: seconds === 86400 }, words)),
	);
	const note = h('input.input', { id: 'preview-note', maxlength: '200', autocomplete: 'off', testid: 'preview-note' });
	const site = h('input.input.mono', { id: 'preview-site', spellcheck: 'false', autocomplete: 'off', testid: 'preview-site' });
	const error = errorLine('preview-error');
	const why = h('p.why', { id: 'preview-why' });
	const make = submitButton('Make a link', 'preview-submit', { 'aria-describedby': 'preview-why' });
	const form = h(
		'form.panel.stack',
		{},
		field('Shows', track),
		field('Lives for', time),
		field('For whom or what (optional)', note),
		field('Site', site, 'Where testers reach the site: the front of the link.'),
		error,
		h('div.action-buttons', {}, make),
		why,
	);
	const link = h('input.input.mono', { readonly: true, 'aria-label': 'The link', testid: 'preview-link' });
	const open = h('a', { target: '_blank', rel: 'noreferrer', testid: 'preview-open' }, 'Open it');
	const here = h('a', { target: '_blank', rel: 'noreferrer', testid: 'preview-here' }, 'Open it on this port, beside the GUI');
	const made = h(
		'section.panel.stack.below',
		{ hidden: true, 'aria-labelledby': 'preview-made', role: 'status' },
		h('h2.panel-title', { id: 'preview-made' }, 'The link. It is shown this once.'),
		link,
		h('div.action-buttons', {}, button('Copy', { testid: 'preview-copy', run: copy }), open, here),
	);
	const list = h('ul.rows', { testid: 'preview-list' });
	const none = h('p.quiet', {}, 'No link lives.');
	let live = [];
	let touched = false;

	async function load() {
		try {
			live = (await api.previews(name)).previews;
			setText(error, '');
		} catch (refusal) {
			setText(error, refusal.message);
		}
		update();
	}

	async function submit(event) {
		event.preventDefault();
		if (make.getAttribute('aria-disabled')) return;
		try {
			const preview = await api.createPreview(name, {
				track: track.value,
				seconds: Number(time.value),
				note: note.value.trim() || undefined,
			});
			link.value = site.value.trim().replace(/\/+$/, '') + preview.path;
			setAttr(open, 'href', link.value);
			// A host of this port that begins with a track shows that track; an address has no such hosts.
			const named = /[a-z]/i.test(location.hostname) && !location.hostname.includes(':');
			setAttr(here, 'href', `${location.protocol}//${track.value}.${location.host}${preview.path}`);
			setShown(here, named);
			setShown(made, true);
			link.focus();
			link.select();
			await load();
		} catch (refusal) {
			setText(error, refusal.message);
		}
	}

	async function copy() {
		try {
			await navigator.clipboard.writeText(link.value);
		} catch {
			// Without https only the page itself may copy what is selected.
			link.select();
			document.execCommand('copy');
		}
		notices.post({ text: 'Link copied.', tone: 'done' });
	}

	async function revoke(id) {
		if (store.whyReadOnly()) return;
		try {
			await api.revokePreview(name, id);
			notices.post({ text: 'Preview link revoked: it ends at once.', tone: 'done' });
			await load();
		} catch (refusal) {
			setText(error, refusal.message);
		}
	}

	function update() {
		const state = store.app(name);
		const now = Date.now();
		for (const option of tracks) setText(option, `${TRACKS[option.value]}: ${releaseName(state?.[option.value])}`);
		const reason = store.whyReadOnly() ?? (state?.[track.value] ? null : `there is no ${track.value} release`);
		setAttr(make, 'aria-disabled', reason ? 'true' : null);
		setText(why, reason ? `Make a link: ${reason}.` : '');
		if (!touched) site.value = siteOf(state, store.facts.router);
		const living = live.filter((preview) => preview.expires > now);
		setShown(none, living.length === 0);
		keyed(
			list,
			living,
			(preview) => preview.id,
			() => row(() => store.whyReadOnly(), revoke),
		);
	}

	form.addEventListener('submit', submit);
	track.addEventListener('change', update);
	site.addEventListener('input', () => {
		touched = true;
	});
	load();
	return {
		element: h(
			'div',
			{},
			pageHead(`Preview links of ${name}`, button('Load again', { testid: 'preview-reload', run: load }), appLinks(name, 'previews')),
			h('p.lead', {}, 'A preview link shows one release to whoever opens it, whatever pins and blend say. It leaves no trace in either.'),
			form,
			made,
			h(
				'section.panel.below',
				{ 'aria-labelledby': 'preview-live' },
				h('h2.panel-title', { id: 'preview-live' }, 'Links that live'),
				none,
				list,
			),
		),
		title: `Preview links of ${name}`,
		stream: name,
		update,
	};
}

function row(whyNot, revoke) {
	const release = h('b.mono');
	const note = h('span.quiet');
	const by = h('span.quiet');
	const ends = when({ future: true });
	let id = null;
	const end = button('Revoke', { tone: 'small', run: () => revoke(id) });
	const element = h('li.row.preview-row', {}, h('span', {}, release, ' ', note), by, h('span', {}, 'ends ', ends.element), end);
	return {
		element,
		update(preview) {
			id = preview.id;
			setAttr(element, 'data-testid', `preview-${id}`);
			setText(release, `${releaseName(preview.release)} (${preview.track})`);
			setText(note, preview.note ? `“${preview.note}”` : '');
			setText(by, `by ${preview.by}`);
			ends.update(preview.expires, Date.now());
			setShown(end, !whyNot());
			setAttr(end, 'data-testid', `revoke-${id}`);
			setAttr(end, 'aria-label', `Revoke the link ${preview.note || id}`);
		},
	};
}

// The app's first host, or else the front port of the router that serves this page.
function siteOf(state, router) {
	const host = (state?.hosts ?? []).find((claimed) => !claimed.startsWith('*'));
	if (host) return `${location.protocol}//${host}`;
	const port = router?.listen?.[0]?.split(':').pop();
	return `${location.protocol}//${location.hostname}${!port || port === '80' ? '' : `:${port}`}`;
}
