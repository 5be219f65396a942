// Releases that are off their track and still serve the clients pinned to them: until when, and who is left.

import { h, keyed, setAttr, setShown, setText } from '../dom.js';
import { plural, rate, timeOfDay } from '../format.js';
import { releaseName } from '../release.js';
import { button } from './controls.js';
import { when } from './when.js';

const CAUSES = { promote: 'after a promote', 'set-stable': 'after stable was set', raw: 'after a raw write' };

/** `update({draining, now, disabledReason})`. `finish(tenure)` asks whether to end one drain now, `finishAll()` all of them. */
export function drainingPanel({ finish, finishAll }) {
	const list = h('ul.rows');
	const none = h('p.quiet', {}, 'No release is draining.');
	const all = button('Finish all…', { tone: 'small', testid: 'finish-drains', run: finishAll });
	let shown = null;
	return {
		element: h(
			'section.panel',
			{ 'aria-labelledby': 'draining-title', testid: 'draining' },
			h('div.panel-head', {}, h('h2.panel-title', { id: 'draining-title' }, 'Draining'), all),
			none,
			list,
		),
		update(view) {
			shown = view;
			setShown(none, view.draining.length === 0);
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
			setText(left, describeWhoIsLeft(release.activity));
			tenure = release.tenure;
			setShown(finishButton, !shown().disabledReason);
			setAttr(finishButton, 'data-testid', `finish-drain-${tenure}`);
			until.update(release.until, shown().now);
			setText(clock, `at ${timeOfDay(release.until)}`);
		},
	};
}

/** Who is left at a draining release, on all routers that have reported it. */
export function describeWhoIsLeft(activity) {
	if (!activity) return '';
	if (activity.can_be_stopped) return 'nobody is left: its endpoints can be stopped';
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
