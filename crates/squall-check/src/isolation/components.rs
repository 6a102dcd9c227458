//! Strongly connected components (Tarjan 1972), without recursion.

use super::transactions::{NONE, number};

/// The number of the component of every vertex. A component has a greater number than those that
/// can be reached from it.
///
/// `next` tells the next successor of a vertex; its second argument is where it stopped, from 0.
pub(super) fn components(
    vertices_count: usize,
    mut next: impl FnMut(u32, &mut u32) -> Option<u32>,
) -> Vec<u32> {
    let mut component = vec![NONE; vertices_count];
    let mut index = vec![NONE; vertices_count];
    let mut low = vec![NONE; vertices_count];
    let mut met_count = 0;
    let mut components_count = 0;
    let mut open: Vec<u32> = Vec::new();
    let mut path: Vec<(u32, u32)> = Vec::new();
    for root in 0..number(vertices_count) {
        if index[root as usize] != NONE {
            continue;
        }
        path.push((root, 0));
        while let Some((vertex, cursor)) = path.last_mut() {
            let at = *vertex as usize;
            if index[at] == NONE {
                index[at] = met_count;
                low[at] = met_count;
                met_count += 1;
                open.push(*vertex);
            }
            if let Some(successor) = next(*vertex, cursor) {
                let to = successor as usize;
                if index[to] == NONE {
                    path.push((successor, 0));
                } else if component[to] == NONE {
                    low[at] = low[at].min(index[to]);
                }
                continue;
            }
            path.pop();
            if let Some((parent, _)) = path.last() {
                low[*parent as usize] = low[*parent as usize].min(low[at]);
            }
            if low[at] == index[at] {
                while let Some(member) = open.pop() {
                    component[member as usize] = components_count;
                    if member as usize == at {
                        break;
                    }
                }
                components_count += 1;
            }
        }
    }
    component
}

#[cfg(test)]
mod tests {
    use super::components;

    #[test]
    fn two_circles_and_a_bridge() {
        let arcs: [&[u32]; 6] = [&[1], &[2, 3], &[0], &[4], &[3, 5], &[]];
        let component = components(6, |vertex, cursor| {
            let next = arcs[vertex as usize].get(*cursor as usize).copied();
            *cursor += 1;
            next
        });
        assert_eq!(component, [2, 2, 2, 1, 1, 0]);
    }
}
