// Preview links, which show a release to testers: made, copied, listed, revoked. A link is shown only once, since the router does not keep
// its token.

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

export function previewsPage({ api, model, notices, params }) {
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
	const reasonLine = h('p.why', { id: 'preview-why' });
	const submitControl = submitButton('Make a link', 'preview-submit', { 'aria-describedby': 'preview-why' });
	const form = h(
		'form.panel.stack',
		{},
		field('Track', track),
		field('Valid for', time),
		field('Purpose (optional)', note),
		field('Site', site, 'The address at which testers reach the site. The link begins with it.'),
		error,
		h('div.action-buttons', {}, submitControl),
		reasonLine,
	);
	const link = h('input.input.mono', { readonly: true, 'aria-label': 'The link', testid: 'preview-link' });
	const open = h('a', { target: '_blank', rel: 'noreferrer', testid: 'preview-open' }, 'Open it');
	const here = h('a', { target: '_blank', rel: 'noreferrer', testid: 'preview-here' }, 'Open it on this port, next to the GUI');
	const made = h(
		'section.panel.stack.below',
		{ hidden: true, 'aria-labelledby': 'preview-made', role: 'status' },
		h('h2.panel-title', { id: 'preview-made' }, 'The link (it is shown only once)'),
		link,
		h('div.action-buttons', {}, button('Copy', { testid: 'preview-copy', run: copy }), open, here),
	);
	const list = h('ul.rows', { testid: 'preview-list' });
	const none = h('p.quiet', {}, 'No links.');
	let previews = [];
	let isSiteTyped = false;

	async function load() {
		try {
			previews = (await api.listPreviews(name)).previews;
			setText(error, '');
		} catch (refusal) {
			setText(error, refusal.message);
		}
		update();
	}

	async function submit(event) {
		event.preventDefault();
		if (submitControl.getAttribute('aria-disabled')) return;
		try {
			const preview = await api.createPreview(name, {
				track: track.value,
				seconds: Number(time.value),
				note: note.value.trim() || undefined,
			});
			link.value = site.value.trim().replace(/\/+$/, '') + preview.path;
			setAttr(open, 'href', link.value);
			// A host of this port that begins with a track's name shows that track. An IP address has no such hosts.
			const hasHosts = /[a-z]/i.test(location.hostname) && !location.hostname.includes(':');
			setAttr(here, 'href', `${location.protocol}//${track.value}.${location.host}${preview.path}`);
			setShown(here, hasHosts);
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
			// Without https the clipboard is closed to scripts, but what is selected can be copied.
			link.select();
			document.execCommand('copy');
		}
		notices.post({ text: 'The link is copied.', tone: 'done' });
	}

	async function revoke(id) {
		if (model.readOnlyReason()) return;
		try {
			await api.revokePreview(name, id);
			notices.post({ text: 'The preview link is revoked and ends at once.', tone: 'done' });
			await load();
		} catch (refusal) {
			setText(error, refusal.message);
		}
	}

	function update() {
		const state = model.app(name);
		const now = Date.now();
		for (const option of tracks) setText(option, `${TRACKS[option.value]}: ${releaseName(state?.[option.value])}`);
		const reason = model.readOnlyReason() ?? (state?.[track.value] ? null : `there is no ${track.value} release`);
		setAttr(submitControl, 'aria-disabled', reason ? 'true' : null);
		setText(reasonLine, reason ? `Make a link: ${reason}.` : '');
		if (!isSiteTyped) site.value = findSite(state, model.facts.router);
		const valid = previews.filter((preview) => preview.expires > now);
		setShown(none, valid.length === 0);
		keyed(
			list,
			valid,
			(preview) => preview.id,
			() => buildRow(model.readOnlyReason, revoke),
		);
	}

	form.addEventListener('submit', submit);
	track.addEventListener('change', update);
	site.addEventListener('input', () => {
		isSiteTyped = true;
	});
	load();
	return {
		element: h(
			'div',
			{},
			pageHead(`Preview links of ${name}`, button('Reload', { testid: 'preview-reload', run: load }), appLinks(name, 'previews')),
			h(
				'p.lead',
				{},
				'A preview link shows one release to everybody who opens it, whatever their pin and the blend say. It changes neither.',
			),
			form,
			made,
			h(
				'section.panel.below',
				{ 'aria-labelledby': 'preview-live' },
				h('h2.panel-title', { id: 'preview-live' }, 'Valid links'),
				none,
				list,
			),
		),
		title: `Preview links of ${name}`,
		stream: name,
		update,
	};
}

function buildRow(readOnlyReason, revoke) {
	const release = h('b.mono');
	const note = h('span.quiet');
	const by = h('span.quiet');
	const ends = when({ future: true });
	let id = null;
	const revokeButton = button('Revoke', { tone: 'small', run: () => revoke(id) });
	const element = h('li.row.preview-row', {}, h('span', {}, release, ' ', note), by, h('span', {}, 'ends ', ends.element), revokeButton);
	return {
		element,
		update(preview) {
			id = preview.id;
			setAttr(element, 'data-testid', `preview-${id}`);
			setText(release, `${releaseName(preview.release)} (${preview.track})`);
			setText(note, preview.note ? `“${preview.note}”` : '');
			setText(by, `by ${preview.by}`);
			ends.update(preview.expires, Date.now());
			setShown(revokeButton, !readOnlyReason());
			setAttr(revokeButton, 'data-testid', `revoke-${id}`);
			setAttr(revokeButton, 'aria-label', `Revoke the link ${preview.note || id}`);
		},
	};
}

// The app's first host, or else the front port of the router that serves this page.
function findSite(state, router) {
	const host = (state?.hosts ?? []).find((claimed) => !claimed.startsWith('*'));
	if (host) return `${location.protocol}//${host}`;
	const port = router?.listen?.[0]?.split(':').pop();
	return `${location.protocol}//${location.hostname}${!port || port === '80' ? '' : `:${port}`}`;
}
