"""From the joints of any skeleton to the 22 joints: by name, else by structure; what is missing is placed."""
