// The releases of an app that are in the store: the track of each, its endpoints, their health.

import { entryText } from '../api.js';
import { describeGiven } from '../approval-words.js';
import { h, keyed, setShown, setText } from '../dom.js';
import { factsOf } from '../facts.js';
import { fatesOf } from '../fates.js';
import { plural } from '../format.js';
import { releasesOf } from '../release.js';
import { appLinks } from '../components/app-links.js';
import { errorLine, pageHead } from '../components/controls.js';
import { findBox } from '../components/find-box.js';
import { openEndpointsDialog, openRemoveRelease } from '../components/release-dialogs.js';
import { releaseRow } from '../components/release-row.js';
import { staysOf } from '../stays.js';

// Nobody reads more rows; a search finds the right one.
const SHOWN_MAX = 100;
const ORDER = ['stable', 'candidate', 'draining', 'previous'];

export function releasesPage({ api, model, actions, notices, params }) {
	const name = params.app;
	const find = findBox({ label: 'Find a release or endpoint', testid: 'releases-find', value: params.find, onChange: () => draw() });
	const count = h('p.quiet', { role: 'status' }, 'Loading …');
	const error = errorLine('releases-error');
	const list = h('ul.apps', { testid: 'releases' });
	const none = h(
		'p.panel.quiet',
		{ hidden: true },
		'No release is known yet. A release appears here once its endpoints are in the keyvalues.',
	);
	let releases = [];
	let addresses = new Map();
	let approvals = new Map();
	let fates = new Map();
	let facts = new Map();
	let stays = [];
	let shownSeq = null;
	let loaded = false;
	const drains = {
		drain: (id, address) => actions.drainEndpoint(name, id, address),
		lift: (id, address) => actions.liftDrain(name, id, address),
	};

	const acts = {
		setTrack: (release, track) => actions.setTrack(name, track, release.id),
		edit: (release) => openEndpointsDialog({ api, notices, app: name, release, done: load }).catch(({ message }) => setText(error, message)),
		remove: (release) => openRemoveRelease({ api, notices, app: name, release, done: load }),
	};

	async function load() {
		try {
			const [known, entries, approved, past] = await Promise.all([
				api.listReleases(name),
				api.listKeys('apps/'),
				api.listApprovals(name),
				api.getHistory(name, { limit: 200 }),
			]);
			fates = fatesOf(past.events);
			facts = factsOf(past.events);
			stays = staysOf(past.events);
			addresses = groupAddresses(entries);
			approvals = new Map(approved.releases.map((release) => [release.id, release]));
			releases = known.releases.sort((a, b) => rank(a) - rank(b) || b.id.localeCompare(a.id, undefined, { numeric: true }));
			loaded = true;
			setText(error, '');
		} catch (refusal) {
			setText(error, refusal.message);
		}
		draw();
	}

	function draw() {
		const state = model.app(name);
		const live = new Map(state ? releasesOf(state).map((release) => [release.id, release]) : []);
		const found = releases.filter((release) =>
			find.matches(`${release.release} ${release.id} ${release.track ?? ''} ${(addresses.get(release.id) ?? []).join(' ')}`),
		);
		const disabledReason = model.readOnlyReason();
		keyed(
			list,
			found
				.slice(0, SHOWN_MAX)
				.map((release) => ({
					release,
					live: live.get(release.id) ?? null,
					addresses: addresses.get(release.id),
					approvals: describeGiven(approvals.get(release.id), Date.now()),
					fate: fates.get(release.id) ?? null,
					facts: facts.get(release.id),
					links: state?.settings?.fact_links,
					stays: stays.filter(({ id }) => id === release.id),
					disabledReason,
				})),
			({ release }) => release.id,
			() => releaseRow(acts, drains),
		);
		setShown(none, loaded && releases.length === 0);
		setText(
			count,
			loaded
				? (found.length === releases.length
						? plural(found.length, 'release')
						: `${found.length} of ${plural(releases.length, 'release')}`) +
						(found.length > SHOWN_MAX ? `, the first ${SHOWN_MAX} shown` : '')
				: error.textContent
					? ''
					: 'Loading …',
		);
	}

	return {
		element: h('div', {}, pageHead(`Releases of ${name}`, find.element, appLinks(name, 'releases')), count, error, none, list),
		title: `Releases of ${name}`,
		stream: name,
		update() {
			const seq = model.app(name)?.seq;
			if (seq !== shownSeq || !loaded) {
				if (seq !== undefined) {
					shownSeq = seq;
					load();
				}
			} else draw();
		},
	};
}

const rank = ({ track }) => (ORDER.indexOf(track) + ORDER.length + 1) % (ORDER.length + 1);

function groupAddresses(entries) {
	const found = new Map();
	for (const entry of entries) {
		const id = /^(apps\/[^/]+\/containers)\/[^/]+$/.exec(entry.Key)?.[1];
		if (id) found.set(id, [...(found.get(id) ?? []), entryText(entry)]);
	}
	return found;
}
