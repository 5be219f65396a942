// One release of an app in a list: where it stands, its endpoints with their health, and what can be made of it.

import { h, setAttr, setShown, setText } from '../dom.js';
import { plural } from '../format.js';
import { releaseName } from '../release.js';
import { button } from './controls.js';
import { endpointStrip } from './endpoints.js';

const TRACKS = { stable: '■ on stable', candidate: '◆ the candidate', draining: 'draining', previous: 'the previous stable' };

/** `choose(release, track)` asks for it, `drain` is what its endpoints offer. `update({release, live, addresses, why})`: `live` is what the state knows of it, or null. */
export function releaseRow(choose, drain) {
	const name = h('b.mono');
	const place = h('span');
	const id = h('span.mono.quiet.release-id');
	const strip = endpointStrip(drain);
	const unchecked = h('p.quiet');
	const make = {
		candidate: button('Make it the candidate…', { tone: 'small', run: () => choose(release, 'candidate') }),
		stable: button('Make it stable…', { tone: 'small', run: () => choose(release, 'stable') }),
	};
	const element = h(
		'li.panel.release-row',
		{},
		h('div', {}, h('h2.release-row-name', {}, name), place, id),
		h('div', {}, strip.element, unchecked),
		h('div.release-buttons', {}, make.candidate, make.stable),
	);
	let release = null;
	return {
		element,
		update(view) {
			release = view.release;
			const called = releaseName(release);
			setAttr(element, 'data-testid', `release-${called}`);
			setText(name, called);
			place.className = `release-place${release.track === 'stable' || release.track === 'candidate' ? ` ink-${release.track}` : ' quiet'}`;
			setText(place, TRACKS[release.track] ?? 'on no track');
			setText(id, release.id);
			setShown(strip.element, Boolean(view.live));
			if (view.live) strip.update(view.live, view.why);
			setShown(unchecked, !view.live);
			setText(unchecked, uncheckedWords(release, view.addresses));
			for (const [track, control] of Object.entries(make)) {
				setShown(control, !view.why && release.track !== track && !(track === 'candidate' && release.track === 'stable'));
				setAttr(control, 'data-testid', `make-${track}-${called}`);
				setAttr(control, 'aria-label', `${track === 'stable' ? 'Make it stable' : 'Make it the candidate'}: ${called}`);
			}
		},
	};
}

function uncheckedWords({ endpoints }, addresses) {
	if (endpoints === 0) return '✕ No endpoint in the key-values.';
	return `${plural(endpoints, 'endpoint')}, not checked while no client is routed here${addresses?.length ? `: ${addresses.join(', ')}` : ''}`;
}
