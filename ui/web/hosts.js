// The hosts that lead to an app, in words. Pure.

/** Whether no host leads to an app that was made. */
export const isUnreachable = ({ seq, leading_hosts: leading }) => seq > 0 && leading?.length === 0;

/** The hosts that lead to an app, or that none does. */
export function describeHosts(state) {
	if (isUnreachable(state)) return 'no host leads to it';
	const named = (state.leading_hosts ?? state.hosts ?? []).filter((host) => host !== '*');
	return [...named, state.default ? 'all other hosts' : null].filter(Boolean).join(', ');
}
