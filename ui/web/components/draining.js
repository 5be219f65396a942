// Releases that are off their track and still serve the clients pinned to them: until when, and who is left.

import { h, keyed, setAttr, setShown, setText } from '../dom.js';
import { plural, rate, timeOfDay } from '../format.js';
import { releaseName } from '../release.js';
import { button } from './controls.js';
import { when } from './when.js';

const CAUSES = { promote: 'after a promote', 'set-stable': 'after stable was set', raw: 'after a raw write' };

/** `update({draining, previous, now, disabledReason})`. `finish(tenure)` asks whether to end one drain now, `finishAll()` all of them. */
export function drainingPanel({ finish, finishAll }) {
	const list = h('ul.rows');
	const none = h('p.quiet', {}, 'No release is draining.');
	const wayBack = h('p', { testid: 'way-back' });
	const all = button('Finish all…', { tone: 'small', testid: 'finish-drains', run: finishAll });
	let shown = null;
	return {
		element: h(
			'section.panel',
			{ 'aria-labelledby': 'draining-title', testid: 'draining' },
			h('div.panel-head', {}, h('h2.panel-title', { id: 'draining-title' }, 'Draining'), all),
			none,
			list,
			wayBack,
		),
		update(view) {
			shown = view;
			setShown(none, view.draining.length === 0);
			setShown(wayBack, Boolean(view.previous));
			wayBack.className = view.previous?.rollback_refusal ? 'is-bad' : 'quiet';
			setText(wayBack, describeWayBack(view.previous));
			setShown(all, view.draining.length > 1 && !view.disabledReason);
			keyed(
				list,
				view.draining,
				(release) => `${release.id} ${release.tenure}`,
				() => row(() => shown, finish),
			);
		},
	};
}

function row(shown, finish) {
	const name = h('b.mono');
	const cause = h('span.quiet');
	const left = h('span.live-value');
	const until = when({ future: true });
	const clock = h('span.quiet');
	let tenure = null;
	const finishButton = button('Finish now…', { tone: 'small', run: () => finish(tenure) });
	const element = h(
		'li.row.drain-row',
		{},
		h('span', {}, name, ' ', cause),
		left,
		h('span', {}, 'ends ', until.element, ' ', clock),
		finishButton,
	);
	return {
		element,
		update(release) {
			setText(name, releaseName(release));
			setText(cause, CAUSES[release.cause] ?? release.cause ?? '');
			setText(left, describeWhoIsLeft(release.activity, release.id === shown().previous?.id));
			tenure = release.tenure;
			setShown(finishButton, !shown().disabledReason);
			setAttr(finishButton, 'data-testid', `finish-drain-${tenure}`);
			until.update(release.until, shown().now);
			setText(clock, `at ${timeOfDay(release.until)}`);
		},
	};
}

/** Where a rollback goes, or why it cannot. */
export function describeWayBack(previous) {
	if (!previous) return '';
	const name = releaseName(previous);
	const refusal = previous.rollback_refusal;
	return refusal ? `✕ A rollback cannot go to ${name}: ${refusal}` : `A rollback goes to ${name}.`;
}

/** Who is left at a draining release, on all routers that have reported it. `isWayBack`: a rollback goes to it. */
export function describeWhoIsLeft(activity, isWayBack = false) {
	if (!activity) return '';
	if (activity.can_be_stopped) {
		const words = 'nobody is left: its endpoints can be stopped';
		return isWayBack ? `${words}, but it is the way back: a rollback needs them` : words;
	}
	const { fleet } = activity;
	if (fleet && fleet.members > 1) {
		const routers =
			fleet.reported < fleet.members ? `reported by ${fleet.reported} of ${fleet.members} routers` : `on ${fleet.members} routers`;
		return [
			plural(fleet.pinned, 'pinned client'),
			plural(fleet.open_requests, 'open request'),
			plural(fleet.open_sockets, 'open socket'),
			routers,
		].join(', ');
	}
	const parts = [
		plural(activity.open_requests ?? 0, 'open request'),
		plural(activity.open_sockets ?? 0, 'open socket'),
		rate(activity.requests_per_second),
	];
	if (typeof activity.pinned === 'number') parts.unshift(plural(activity.pinned, 'pinned client'));
	return parts.join(', ');
}
