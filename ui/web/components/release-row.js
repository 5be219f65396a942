// One release of an app in a list: its track, its endpoints with their health, and buttons to put it on a track.

import { h, setAttr, setShown, setText, showLines } from '../dom.js';
import { describeFate } from '../describe.js';
import { plural } from '../format.js';
import { releaseName } from '../release.js';
import { button } from './controls.js';
import { endpointStrip } from './endpoints.js';
import { factList } from './fact-list.js';
import { fateTag } from './fate-tag.js';
import { describeStay } from './stay-list.js';

const TRACKS = { stable: '■ on stable', candidate: '◆ the candidate', draining: 'draining', previous: 'the previous stable' };

/**
 * `setTrack(release, track)`, `edit(release)` and `remove(release)` open dialogs; `drains` is what the endpoints offer. `update({release, live,
 * addresses, approvals, fate, facts, links, stays, disabledReason})`: `live` is the release as the app's state has it, or null; `approvals` what
 * is said of them, if anything; `fate` is how its last stay ended, if badly; `stays` are its stays on tracks, the newest first.
 */
export function releaseRow({ setTrack, edit, remove }, drains) {
	const name = h('b.mono');
	const fate = h('span.fate-line');
	const place = h('span');
	const id = h('span.mono.quiet.release-id');
	const strip = endpointStrip(drains);
	const unchecked = h('p.quiet');
	const approvals = h('p.quiet');
	const facts = factList();
	const make = {
		candidate: button('Make it the candidate…', { tone: 'small', run: () => setTrack(release, 'candidate') }),
		stable: button('Make it stable…', { tone: 'small', run: () => setTrack(release, 'stable') }),
	};
	const editButton = button('Endpoints…', { tone: 'small', run: () => edit(release) });
	const removeButton = button('Remove…', { tone: 'small', run: () => remove(release) });
	const stayLines = h('ul.quiet.release-stays');
	const staySummary = h('summary');
	const stays = h('details.quiet', { hidden: true }, staySummary, stayLines);
	const element = h(
		'li.panel.release-row',
		{},
		h('div', {}, h('h2.release-row-name', {}, name), place, fate, id),
		h('div', {}, strip.element, unchecked, facts.element, approvals, stays),
		h('div.release-buttons', {}, make.candidate, make.stable, editButton, removeButton),
	);
	let release = null;
	return {
		element,
		update(view) {
			release = view.release;
			const label = releaseName(release);
			setAttr(element, 'data-testid', `release-${label}`);
			setText(name, label);
			place.className = `release-place${release.track === 'stable' || release.track === 'candidate' ? ` ink-${release.track}` : ' quiet'}`;
			setText(place, TRACKS[release.track] ?? 'on no track');
			showFate(fate, view.fate);
			setText(id, release.id);
			setShown(strip.element, Boolean(view.live));
			if (view.live) strip.update(view.live, view.disabledReason);
			setShown(unchecked, !view.live);
			setText(unchecked, describeUnchecked(release, view.addresses));
			facts.update(view.facts, view.links);
			setShown(approvals, Boolean(view.approvals));
			setText(approvals, view.approvals);
			setAttr(approvals, 'data-testid', `approvals-${label}`);
			setShown(stays, view.stays.length > 0);
			setAttr(stays, 'data-testid', `stays-${label}`);
			setText(staySummary, `${plural(view.stays.length, 'stay')} on tracks`);
			showLines(
				stayLines,
				view.stays.map((stay) => describeStay(stay, Date.now())),
			);
			for (const [control, verb, shown] of [
				[editButton, 'edit', true],
				[removeButton, 'remove', !release.track],
			]) {
				setShown(control, !view.disabledReason && shown);
				setAttr(control, 'data-testid', `${verb}-${label}`);
				setAttr(control, 'aria-label', verb === 'edit' ? `Endpoints of ${label}` : `Remove ${label}`);
			}
			for (const [track, control] of Object.entries(make)) {
				setShown(control, !view.disabledReason && release.track !== track && !(track === 'candidate' && release.track === 'stable'));
				setAttr(control, 'data-testid', `make-${track}-${label}`);
				setAttr(control, 'aria-label', `${track === 'stable' ? 'Make it stable' : 'Make it the candidate'}: ${label}`);
			}
		},
	};
}

function showFate(line, fate) {
	if (!fate) return line.replaceChildren();
	if (line.firstChild) setText(line.lastChild, ` ${describeFate(fate, Date.now())}`);
	else line.append(fateTag(fate), h('span.quiet'));
}

function describeUnchecked({ endpoints }, addresses) {
	if (endpoints === 0) return '✕ No endpoints in the keyvalues.';
	return `${plural(endpoints, 'endpoint')}, not checked while no client is routed to the release${addresses?.length ? `: ${addresses.join(', ')}` : ''}`;
}
